#include <minnow/optimizers.h>

#include <cmath>

#include "require.h"

namespace minnow {
namespace {

class Adam final : public Optimizer {
 public:
  Adam(std::string_view name, const AdamOptions& options) : name_(name), options_(options) {}

  std::string_view name() const override { return name_; }
  float learning_rate() const override { return options_.learning_rate; }
  UpdateRule rule() const override {
    return AdamRule{.beta1 = options_.beta1,
                    .beta2 = options_.beta2,
                    .epsilon = options_.epsilon,
                    .corrected_epsilon = options_.preset == AdamPreset::torch,
                    .approximate = options_.approximate,
                    .weight_decay = options_.weight_decay,
                    .decays_biases = options_.decay_biases};
  }
  std::string str() const override {
    return std::string(name_) + " lr=" + shortest(options_.learning_rate) +
           " beta=" + shortest(options_.beta1) + "," + shortest(options_.beta2) +
           " eps=" + shortest(options_.epsilon) +
           decay_text(options_.weight_decay, options_.decay_biases) +
           (options_.preset == AdamPreset::torch ? " (torch)" : "") +
           (options_.approximate ? " (approximate)" : "");
  }

 private:
  std::string_view name_;
  AdamOptions options_;
};

OptimizerPtr make(std::string_view name, AdamOptions options) {
  if (options.epsilon == 0.0F) {
    options.epsilon = options.preset == AdamPreset::torch ? 1e-8F : 1e-7F;
  }
  require_learning_rate("Adam", options.learning_rate);
  require(options.beta1 >= 0.0 && options.beta1 < 1.0, "Adam's beta1", options.beta1,
          "0 or more and less than 1");
  require(options.beta2 >= 0.0 && options.beta2 < 1.0, "Adam's beta2", options.beta2,
          "0 or more and less than 1");
  require(std::isfinite(options.epsilon) && options.epsilon > 0.0F, "Adam's epsilon",
          options.epsilon, "a positive number");
  require_weight_decay("Adam", options.weight_decay);
  return std::make_shared<Adam>(name, options);
}

}  // namespace

OptimizerPtr adam(AdamOptions options) { return make("adam", options); }

OptimizerPtr adamw(AdamOptions options) {
  if (options.weight_decay == 0.0F) options.weight_decay = 0.01F;
  return make("adamw", options);
}

}  // namespace minnow
