#include <minnow/optimizers.h>

#include <cmath>

#include "require.h"

namespace minnow {
namespace {

class Rmsprop final : public Optimizer {
 public:
  explicit Rmsprop(const RmspropOptions& options) : options_(options) {}

  std::string_view name() const override { return "rmsprop"; }
  float learning_rate() const override { return options_.learning_rate; }
  UpdateRule rule() const override {
    return RmspropRule{.decay = options_.decay,
                       .epsilon = options_.epsilon,
                       .epsilon_inside = options_.preset == RmspropPreset::keras,
                       .momentum = options_.momentum,
                       .weight_decay = options_.weight_decay,
                       .decays_biases = options_.decay_biases};
  }
  std::string str() const override {
    return "rmsprop lr=" + shortest(options_.learning_rate) + " rho=" + shortest(options_.decay) +
           " eps=" + shortest(options_.epsilon) +
           (options_.momentum == 0.0F ? "" : " momentum=" + shortest(options_.momentum)) +
           decay_text(options_.weight_decay, options_.decay_biases) +
           (options_.preset == RmspropPreset::torch ? " (torch)" : "");
  }

 private:
  RmspropOptions options_;
};

}  // namespace

OptimizerPtr rmsprop(RmspropOptions options) {
  const bool torch = options.preset == RmspropPreset::torch;
  if (options.decay == 0.0) options.decay = torch ? 0.99 : 0.9;
  if (options.epsilon == 0.0F) options.epsilon = torch ? 1e-8F : 1e-7F;
  require_learning_rate("RMSprop", options.learning_rate);
  require(options.decay > 0.0 && options.decay < 1.0, "RMSprop's decay", options.decay,
          "more than 0 and less than 1");
  require(std::isfinite(options.epsilon) && options.epsilon > 0.0F, "RMSprop's epsilon",
          options.epsilon, "a positive number");
  require_momentum("RMSprop", options.momentum);
  require_weight_decay("RMSprop", options.weight_decay);
  return std::make_shared<Rmsprop>(options);
}

}  // namespace minnow
