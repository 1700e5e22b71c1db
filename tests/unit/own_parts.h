#pragma once

// A layer, a loss and an activation as a program outside the library may define them.

#include <minnow/minnow.h>

#include <cmath>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

namespace minnow::testing {

/// y = x + outer(f(inner(x))): two dense parts with an activation between them, and a way around.
class ResidualBlock final : public Layer {
 public:
  ResidualBlock(std::int64_t units, Activation f) : units_(units), f_(std::move(f)) {}

  std::string_view type() const override { return "residual"; }
  std::int64_t outputs(std::int64_t inputs) const override { return inputs; }
  std::vector<ParameterSpec> parameters(std::int64_t inputs) const override {
    return {{.name = "inner.weight", .rows = units_, .cols = inputs, .init = Init::glorot_uniform},
            {.name = "inner.bias", .rank = 1, .cols = units_},
            {.name = "outer.weight", .rows = inputs, .cols = units_, .init = Init::glorot_uniform},
            {.name = "outer.bias", .rank = 1, .cols = inputs}};
  }
  std::map<std::string, double> config() const override {
    return {{"units", static_cast<double>(units_)}};
  }

  ValueId forward(Program& program, std::span<const int> slots, ValueId x,
                  std::vector<ValueId>& saved) const override {
    const auto dense = [&](ValueId from, std::size_t slot) {
      const ValueId product = program.linear(from, program.parameter(slots[slot]));
      return program.add_bias(product, program.parameter(slots[slot + 1]));
    };
    const ValueId inner = dense(x, 0);
    const ValueId active = program.activate(f_, inner);
    saved = {inner, active};
    return program.add(x, dense(active, 2));
  }

  ValueId backward(Program& program, std::span<const int> slots, const Forward& forward, ValueId dy,
                   bool input_gradient) const override {
    const ValueId inner = forward.saved[0], active = forward.saved[1];
    program.linear_weight_grad(dy, active, program.gradient(slots[2]));
    program.bias_grad(dy, program.gradient(slots[3]));
    const ValueId d_active = program.linear_input_grad(dy, program.parameter(slots[2]));
    const ValueId d_inner = program.activate_grad(f_, d_active, inner, active);
    program.linear_weight_grad(d_inner, forward.x, program.gradient(slots[0]));
    program.bias_grad(d_inner, program.gradient(slots[1]));
    if (!input_gradient) return kNoValue;
    return program.add(dy, program.linear_input_grad(d_inner, program.parameter(slots[0])));
  }

 private:
  std::int64_t units_;
  Activation f_;
};

inline LayerPtr residual(std::int64_t units, Activation f = {ActivationKind::silu}) {
  return std::make_shared<ResidualBlock>(units, std::move(f));
}

/// A weighted sum of two losses of the table.
class SumOfLosses final : public Loss {
 public:
  SumOfLosses(LossFunction first, LossFunction second) : first_(first), second_(second) {}

  std::string_view name() const override { return "a sum of two losses"; }
  bool classification() const override { return traits_of(first_.kind).accuracy != Accuracy::none; }
  ValueId record(Program& program, ValueId prediction, ValueId target,
                 bool gradient) const override {
    const ValueId first = program.loss(first_, prediction, target, gradient);
    const ValueId second = program.loss(second_, prediction, target, gradient);
    return gradient ? program.add(first, second) : kNoValue;
  }

 private:
  LossFunction first_;
  LossFunction second_;
};

inline LossPtr sum_of_losses() {
  return std::make_shared<SumOfLosses>(
      LossFunction{.kind = LossKind::huber, .parameter = 0.5F, .weight = 0.7F},
      LossFunction{.kind = LossKind::mean_absolute_error, .weight = 0.3F});
}

/// x / (1 + |x|)
inline LayerPtr softsign() {
  return activation(
      "softsign", [](float x) { return x / (1.0F + std::abs(x)); },
      [](float x) { return 1.0F / ((1.0F + std::abs(x)) * (1.0F + std::abs(x))); });
}

/// Of all these, beside the dense layers between them.
inline LayerPtr make_own_layer(std::string_view type, const std::map<std::string, double>& config) {
  if (type == "residual") return residual(static_cast<std::int64_t>(config.at("units")));
  if (type == "softsign") return softsign();
  if (type != "dense") return nullptr;
  return dense(static_cast<std::int64_t>(config.at("units")), {.bias = config.at("bias") != 0});
}

}  // namespace minnow::testing
