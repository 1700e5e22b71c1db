#include <minnow/error.h>
#include <minnow/layers.h>

#include <utility>

namespace minnow {
namespace {

class Dense final : public Layer {
 public:
  Dense(std::int64_t units, DenseOptions options) : units_(units), options_(std::move(options)) {}

  std::string_view type() const override { return "dense"; }
  std::int64_t outputs(std::int64_t) const override { return units_; }

  std::vector<ParameterSpec> parameters(std::int64_t inputs) const override {
    std::vector<ParameterSpec> specs{{.name = "weight",
                                      .rows = units_,
                                      .cols = inputs,
                                      .init = options_.init,
                                      .given = options_.weight}};
    if (!options_.weight.empty()) specs[0].init = Init::given;
    if (options_.bias) {
      specs.push_back({.name = "bias", .rank = 1, .cols = units_, .given = options_.bias_values});
      if (!options_.bias_values.empty()) specs[1].init = Init::given;
    }
    return specs;
  }

  std::map<std::string, double> config() const override {
    return {{"units", static_cast<double>(units_)}, {"bias", options_.bias ? 1 : 0}};
  }

  ValueId forward(Program& program, std::span<const int> slots, ValueId x,
                  std::vector<ValueId>&) const override {
    const ValueId y = program.linear(x, program.parameter(slots[0]));
    return options_.bias ? program.add_bias(y, program.parameter(slots[1])) : y;
  }

  ValueId backward(Program& program, std::span<const int> slots, const Forward& forward, ValueId dy,
                   bool input_gradient) const override {
    program.linear_weight_grad(dy, forward.x, program.gradient(slots[0]));
    if (options_.bias) program.bias_grad(dy, program.gradient(slots[1]));
    if (!input_gradient) return kNoValue;
    return program.linear_input_grad(dy, program.parameter(slots[0]));
  }

 private:
  std::int64_t units_;
  DenseOptions options_;
};

}  // namespace

LayerPtr dense(std::int64_t units, DenseOptions options) {
  if (units < 1) {
    throw InvalidArgument(
        {.code = "MN-U01",
         .what = "a dense layer of " + std::to_string(units) + " units cannot be made.",
         .remedy = "give 1 or more"});
  }
  return std::make_shared<Dense>(units, std::move(options));
}

}  // namespace minnow
