#include <minnow/layers.h>

namespace minnow {
namespace {

class Softmax final : public Layer {
 public:
  std::string_view type() const override { return "softmax"; }
  std::int64_t outputs(std::int64_t inputs) const override { return inputs; }

  ValueId forward(Program& program, std::span<const int>, ValueId x,
                  std::vector<ValueId>&) const override {
    return program.softmax(x);
  }
  ValueId backward(Program& program, std::span<const int>, const Forward& forward, ValueId dy,
                   bool input_gradient) const override {
    return input_gradient ? program.softmax_grad(dy, forward.y) : kNoValue;
  }
};

}  // namespace

LayerPtr softmax() { return std::make_shared<Softmax>(); }

}  // namespace minnow
