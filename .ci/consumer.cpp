// A program outside the tree: errors keep their types when they leave the library, it is told what
// the machine has, and a layer, a loss and an activation of its own train, are saved and read
// again. Usage: consumer DEVICE, which open("auto") has to take.

#include <minnow/minnow.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
    expect(!error.code().text().empty() && !error.cause().empty(), type);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "consumer: %s\n", error.what());
    expect(false, type);
  }
}

/// y = x + outer(tanh(inner(x))).
class ResidualBlock final : public minnow::Layer {
 public:
  explicit ResidualBlock(std::int64_t units) : units_(units) {}

  std::string_view type() const override { return "residual"; }
  std::int64_t outputs(std::int64_t inputs) const override { return inputs; }
  std::vector<minnow::ParameterSpec> parameters(std::int64_t inputs) const override {
    constexpr auto kInit = minnow::Init::glorot_uniform;
    return {{.name = "inner.weight", .rows = units_, .cols = inputs, .init = kInit},
            {.name = "inner.bias", .rank = 1, .cols = units_},
            {.name = "outer.weight", .rows = inputs, .cols = units_, .init = kInit},
            {.name = "outer.bias", .rank = 1, .cols = inputs}};
  }
  std::map<std::string, double> config() const override {
    return {{"units", static_cast<double>(units_)}};
  }

  minnow::ValueId forward(minnow::Program& program, std::span<const int> slots, minnow::ValueId x,
                          std::vector<minnow::ValueId>& saved) const override {
    const auto dense = [&](minnow::ValueId from, std::size_t slot) {
      const auto product = program.linear(from, program.parameter(slots[slot]));
      return program.add_bias(product, program.parameter(slots[slot + 1]));
    };
    const auto inner = dense(x, 0);
    const auto active = program.activate(kTanh, inner);
    saved = {inner, active};
    return program.add(x, dense(active, 2));
  }

  minnow::ValueId backward(minnow::Program& program, std::span<const int> slots,
                           const minnow::Forward& forward, minnow::ValueId dy,
                           bool input_gradient) const override {
    const auto inner = forward.saved[0], active = forward.saved[1];
    program.linear_weight_grad(dy, active, program.gradient(slots[2]));
    program.bias_grad(dy, program.gradient(slots[3]));
    const auto d_active = program.linear_input_grad(dy, program.parameter(slots[2]));
    const auto d_inner = program.activate_grad(kTanh, d_active, inner, active);
    program.linear_weight_grad(d_inner, forward.x, program.gradient(slots[0]));
    program.bias_grad(d_inner, program.gradient(slots[1]));
    if (!input_gradient) return minnow::kNoValue;
    return program.add(dy, program.linear_input_grad(d_inner, program.parameter(slots[0])));
  }

 private:
  static inline const minnow::Activation kTanh{minnow::ActivationKind::tanh};
  std::int64_t units_;
};

/// 0.7 Huber loss + 0.3 mean absolute error.
class RobustLoss final : public minnow::Loss {
 public:
  std::string_view name() const override { return "robust loss"; }
  bool classification() const override { return false; }
  minnow::ValueId record(minnow::Program& program, minnow::ValueId prediction,
                         minnow::ValueId target, bool gradient) const override {
    using minnow::LossKind;
    const auto huber = program.loss({.kind = LossKind::huber, .parameter = 0.5F, .weight = 0.7F},
                                    prediction, target, gradient);
    const auto absolute = program.loss({.kind = LossKind::mean_absolute_error, .weight = 0.3F},
                                       prediction, target, gradient);
    return gradient ? program.add(huber, absolute) : minnow::kNoValue;
  }
};

minnow::LayerPtr softsign() {
  return minnow::activation(
      "softsign", [](float x) { return x / (1.0F + std::abs(x)); },
      [](float x) { return 1.0F / ((1.0F + std::abs(x)) * (1.0F + std::abs(x))); });
}

minnow::LayerPtr make_layer(std::string_view type, const std::map<std::string, double>& config) {
  if (type == "softsign") return softsign();
  const auto units = static_cast<std::int64_t>(config.at("units"));
  if (type == "residual") return std::make_shared<ResidualBlock>(units);
  return minnow::dense(units);
}

/// Of each weight: what a step with learning rate 1 takes from it is the loss's slope there.
void expect_gradients(minnow::Model& model, const minnow::LossPtr& loss, const minnow::Tensor& x,
                      const minnow::Tensor& y) {
  std::map<std::string, minnow::Tensor> before;
  for (const std::string& name : model.weight_names()) before[name] = model.weight(name);
  minnow::Trainer trainer(model, loss, minnow::sgd({.learning_rate = 1.0F}), minnow::open("cpu"));
  trainer.step(x, y);
  std::map<std::string, minnow::Tensor> after;
  for (const std::string& name : model.weight_names()) after[name] = model.weight(name);
  for (const auto& [name, values] : before) model.set_weight(name, values);
  constexpr float kStep = 1e-2F;
  for (const auto& entry : before) {
    const std::string& name = entry.first;
    const minnow::Tensor& values = entry.second;
    for (std::size_t i = 0; i < values.data<float>().size(); ++i) {
      const auto loss_at = [&](float offset) {
        minnow::Tensor moved = values.clone();
        moved.mutable_data<float>()[i] += offset;
        model.set_weight(name, moved);
        return trainer.evaluate(x, y).loss;
      };
      const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2.0 * kStep);
      const double taken = static_cast<double>(values.data<float>()[i]) -
                           static_cast<double>(after[name].data<float>()[i]);
      expect(std::abs(slope - taken) < 2e-3, (name + ": its gradient is the loss's slope").c_str());
    }
    model.set_weight(name, values);
  }
}

void expect_own_parts() {
  minnow::Tensor x({64, 3}), y({64, 1});
  for (std::size_t row = 0; row < 64; ++row) {
    float sum = 0;
    for (std::size_t col = 0; col < 3; ++col) {
      const auto angle = static_cast<float>(row * (col + 1));
      sum += x.mutable_data<float>()[row * 3 + col] = std::sin(angle);
    }
    y.mutable_data<float>()[row] = sum * sum - 1.0F;
  }
  const auto layers = [] {
    return std::vector<minnow::LayerPtr>{minnow::dense(12), softsign(),
                                         std::make_shared<ResidualBlock>(16), minnow::dense(1)};
  };
  const minnow::LossPtr loss = std::make_shared<RobustLoss>();
  minnow::Model model(3, layers(), {.seed = 1});
  expect_gradients(model, loss, x, y);

  minnow::Trainer trainer(model, loss, minnow::adam({.learning_rate = 0.01F}), minnow::open("cpu"));
  const double before = trainer.evaluate(x, y).loss;
  trainer.fit(x, y, {.epochs = 200, .batch_size = 16});
  const double after = trainer.evaluate(x, y).loss;
  std::printf("own layer, loss and activation: loss %.3f, after 200 epochs %.3f\n", before, after);
  expect(after < before / 5, "own parts learn");

  const char* path = "own_parts.safetensors";
  minnow::save_model(model, path);
  minnow::Model again = minnow::read_model(path, make_layer);
  minnow::Trainer reader(again, loss, minnow::adam(), minnow::open("cpu"));
  const std::vector<float> row{0.25F, -0.5F, 0.75F};
  expect(reader.predict_row(row)[0] == trainer.predict_row(row)[0],
         "own parts are read as they were saved");
  expect_error<minnow::FormatError>("FormatError", [&] { minnow::load_model(path); });
}

}  // namespace

int main(int, char** arguments) try {
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
  expect_own_parts();
  return right ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "consumer: %s\n", error.what());
  return 1;
}
