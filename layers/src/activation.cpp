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

}  // namespace

LayerPtr activation(Activation function) {
  require_parameter(function);
  return std::make_shared<ActivationLayer>(std::move(function));
}

}  // namespace minnow
