#include <minnow/losses.h>

namespace minnow {
namespace {

class MeanSquaredError final : public Loss {
 public:
  std::string_view name() const override { return "mean squared error"; }
  bool classification() const override { return false; }
  ValueId record(Program& program, ValueId prediction, ValueId target,
                 bool gradient) const override {
    return program.mse(prediction, target, gradient);
  }
};

}  // namespace

LossPtr mse() { return std::make_shared<MeanSquaredError>(); }

}  // namespace minnow
