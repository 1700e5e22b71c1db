#include <minnow/losses.h>

namespace minnow {
namespace {

class CrossEntropy final : public Loss {
 public:
  explicit CrossEntropy(bool from_logits) : from_logits_(from_logits) {}

  std::string_view name() const override { return "categorical cross-entropy"; }
  bool classification() const override { return true; }
  ValueId record(Program& program, ValueId prediction, ValueId target,
                 bool gradient) const override {
    return from_logits_ ? program.softmax_cross_entropy(prediction, target, gradient)
                        : program.cross_entropy(prediction, target, gradient);
  }

 private:
  bool from_logits_;
};

}  // namespace

LossPtr cross_entropy(CrossEntropyOptions options) {
  return std::make_shared<CrossEntropy>(options.from_logits);
}

}  // namespace minnow
