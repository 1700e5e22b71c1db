#include <minnow/layers.h>

namespace minnow {
namespace {

class Relu final : public Layer {
 public:
  std::string_view type() const override { return "relu"; }
  std::int64_t outputs(std::int64_t inputs) const override { return inputs; }

  ValueId forward(Program& program, std::span<const int>, ValueId x) const override {
    return program.relu(x);
  }
  ValueId backward(Program& program, std::span<const int>, ValueId, ValueId y, ValueId dy,
                   bool input_gradient) const override {
    return input_gradient ? program.relu_grad(dy, y) : kNoValue;
  }
};

}  // namespace

LayerPtr relu() { return std::make_shared<Relu>(); }

}  // namespace minnow
