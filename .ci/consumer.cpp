// A program outside the tree: errors keep their types when they leave the library, and it is told
// what the machine has. Usage: consumer DEVICE, which open("auto") has to take.

#include <minnow/minnow.h>

#include <cstdio>
#include <exception>
#include <string_view>

namespace {

bool right = true;

void expect(bool held, const char* what) {
  if (!held) std::fprintf(stderr, "consumer: not so: %s\n", what);
  right = right && held;
}

template <class Expected, class Call>
void expect_error(const char* type, Call call) {
  try {
    call();
    expect(false, type);
  } catch (const Expected& error) {
    std::printf("%s %s\n", error.code().c_str(), type);
    expect(!error.code().empty() && !error.cause().empty(), type);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "consumer: %s\n", error.what());
    expect(false, type);
  }
}

}  // namespace

int main(int, char** arguments) {
  const minnow::DeviceReport report = minnow::report_devices();
  for (const auto& finding : report.findings) {
    std::printf("%s: %s\n", finding.topic.c_str(), finding.text.c_str());
  }
  expect(report.devices.at(0).name == "cpu" && report.devices[0].usable, "the CPU is reported");
  expect(report.auto_device == arguments[1], "the report says what open takes");
  expect(minnow::open("auto").info().name == arguments[1], "open takes what was expected");

  minnow::Model model(2, {minnow::dense(1)});
  minnow::Trainer trainer(model, minnow::mse(), minnow::adam(), minnow::open("auto"));
  expect_error<minnow::DeviceUnavailable>("DeviceUnavailable", [] { minnow::open("cuda:99"); });
  expect_error<minnow::ShapeError>("ShapeError", [&] { trainer.predict(minnow::Tensor({4, 3})); });
  expect_error<minnow::InvalidArgument>("InvalidArgument", [] { minnow::open("abacus"); });
  expect_error<minnow::IoError>("IoError", [] { minnow::load_model("absent.safetensors"); });
  expect_error<minnow::FormatError>("FormatError", [&] { minnow::load_model("/proc/self/exe"); });
  return right ? 0 : 1;
}
