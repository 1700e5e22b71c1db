#include <minnow/base/text.h>
#include <minnow/error.h>
#include <minnow/layers.h>

#include <utility>

namespace minnow {
namespace {

class ActivationLayer final : public Layer {
 public:
  explicit ActivationLayer(Activation function) : function_(std::move(function)) {}

  std::string_view type() const override { return name_of(function_); }
  std::int64_t outputs(std::int64_t inputs) const override { return inputs; }

  std::map<std::string, double> config() const override {
    if (!has_parameter(function_.kind)) return {};
    return {{"parameter", static_cast<double>(function_.parameter)}};
  }

  ValueId forward(Program& program, std::span<const int>, ValueId x,
                  std::vector<ValueId>&) const override {
    return program.activate(function_, x);
  }
  ValueId backward(Program& program, std::span<const int>, const Forward& forward, ValueId dy,
                   bool input_gradient) const override {
    if (!input_gradient) return kNoValue;
    return program.activate_grad(function_, dy, forward.x, forward.y);
  }

 private:
  Activation function_;
};

[[noreturn]] void refuse(std::string what, std::string remedy = {}) {
  throw InvalidArgument({.code = "MN-U01", .what = std::move(what), .remedy = std::move(remedy)});
}

void require_custom(const CustomActivation* custom) {
  if (custom == nullptr) refuse("an activation of a program's own needs its functions.");
  const std::string& name = custom->name;
  if (name.empty()) refuse("an activation without a name cannot be made.");
  if (name == "dense" || name == "softmax" || parse_activation(name)) {
    refuse(cat("an activation named \"", name,
               "\" cannot be made: the library has a layer of that name."),
           "give it another name: a model file finds it by that");
  }
  if (!custom->value || !custom->slope) {
    refuse(cat("the activation \"", name, "\" has no function for its ",
               custom->value ? "slope." : "value."));
  }
}

}  // namespace

LayerPtr activation(Activation function) {
  if (function.kind == ActivationKind::custom) require_custom(function.custom.get());
  require_parameter(function);
  return std::make_shared<ActivationLayer>(std::move(function));
}

}  // namespace minnow
