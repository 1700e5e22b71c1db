#include <minnow/optimizers.h>

#include <cmath>

#include "require.h"

namespace minnow {
namespace {

class Adam final : public Optimizer {
 public:
  explicit Adam(const AdamOptions& options) : options_(options) {}

  std::string_view name() const override { return "adam"; }
  float learning_rate() const override { return options_.learning_rate; }
  UpdateRule rule() const override {
    return {.beta1 = options_.beta1,
            .beta2 = options_.beta2,
            .epsilon = options_.epsilon,
            .corrected_epsilon = options_.preset == AdamPreset::torch,
            .approximate = options_.approximate,
            .momentum = 0.0F,
            .state_arenas = 2};
  }
  void record(Program& program) const override { program.update(OpKind::adam, rule()); }
  std::string str() const override {
    return "adam lr=" + shortest(options_.learning_rate) + " beta=" + shortest(options_.beta1) +
           "," + shortest(options_.beta2) + " eps=" + shortest(options_.epsilon) +
           (options_.preset == AdamPreset::torch ? " (torch)" : "") +
           (options_.approximate ? " (approximate)" : "");
  }

 private:
  AdamOptions options_;
};

}  // namespace

OptimizerPtr adam(AdamOptions options) {
  if (options.epsilon == 0.0F) {
    options.epsilon = options.preset == AdamPreset::torch ? 1e-8F : 1e-7F;
  }
  require(std::isfinite(options.learning_rate) && options.learning_rate > 0.0F,
          "Adam's learning rate", options.learning_rate, "a positive number");
  require(options.beta1 >= 0.0 && options.beta1 < 1.0, "Adam's beta1", options.beta1,
          "0 or more and less than 1");
  require(options.beta2 >= 0.0 && options.beta2 < 1.0, "Adam's beta2", options.beta2,
          "0 or more and less than 1");
  require(std::isfinite(options.epsilon) && options.epsilon > 0.0F, "Adam's epsilon",
          options.epsilon, "a positive number");
  return std::make_shared<Adam>(options);
}

}  // namespace minnow
