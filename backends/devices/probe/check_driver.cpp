#include "machine/driver_cause.h"
#include "opened_library.h"
#include "steps.h"

namespace minnow::machine {

bool check_driver(const Evidence& evidence, const Reporter& report) {
  const auto refuse = [&](Failure failure) {
    report.finding({.topic = "driver",
                    .verdict = Verdict::problem,
                    .text = failure.what,
                    .failure = std::move(failure)});
    return false;
  };
  report.topic("driver");
  const OpenedLibrary driver("libcuda.so.1", {}, report);
  if (driver.damage()) return refuse(*driver.damage());
  if (!driver) return refuse(no_driver(driver.problem(), evidence));
  report.say("driver_library", driver.path());

  DriverAnswer answer;
  answer.call = "cuInit";
  answer.library = driver.path();
  const auto version = driver.function<int(int*)>("cuDriverGetVersion");
  report.step("calling cuDriverGetVersion", driver.path());
  int found = 0;
  if (version != nullptr && version(&found) == 0 && found > 0) {
    answer.driver_cuda = found;
    report.say("driver_cuda", cuda_version_text(found));
  }
  report.step("calling cuInit", driver.path());
  const auto init = driver.function<int(unsigned)>("cuInit");
  constexpr int kNotFound = 500;
  answer.code = init == nullptr ? kNotFound : init(0);
  if (answer.code == 0) return true;
  answer.status = driver_status(answer.code);
  return refuse(driver_failure(answer, evidence));
}

}  // namespace minnow::machine
