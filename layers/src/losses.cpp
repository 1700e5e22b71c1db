#include <minnow/losses.h>

#include <minnow/base/text.h>
#include <minnow/error.h>

#include <cmath>

namespace minnow {
namespace {

class FunctionLoss final : public Loss {
 public:
  explicit FunctionLoss(LossFunction function)
      : function_(function), traits_(traits_of(function.kind)) {}

  std::string_view name() const override { return traits_.name; }
  bool classification() const override { return traits_.accuracy != Accuracy::none; }
  std::int64_t classes(std::int64_t outputs) const override {
    switch (traits_.accuracy) {
      case Accuracy::none:
        return 0;
      case Accuracy::above_half:
      case Accuracy::above_zero:
        return outputs == 1 ? 2 : 0;
      case Accuracy::largest:
        return outputs;
    }
    return 0;
  }
  ValueId record(Program& program, ValueId prediction, ValueId target,
                 bool gradient) const override {
    return program.loss(function_, prediction, target, gradient);
  }

 private:
  LossFunction function_;
  LossTraits traits_;
};

}  // namespace

LossPtr loss(LossFunction function) {
  const bool has_parameter = traits_of(function.kind).has_parameter;
  if (has_parameter && !(std::isfinite(function.parameter) && function.parameter > 0.0F)) {
    throw InvalidArgument({.code = "MN-U01",
                           .what = cat("the parameter of the ", traits_of(function.kind).name,
                                       " is ", function.parameter, "."),
                           .remedy = "give a positive number"});
  }
  return std::make_shared<FunctionLoss>(function);
}

}  // namespace minnow
