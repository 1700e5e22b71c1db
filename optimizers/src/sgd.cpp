#include <minnow/optimizers.h>

#include "require.h"

namespace minnow {
namespace {

class Sgd final : public Optimizer {
 public:
  explicit Sgd(const SgdOptions& options) : options_(options) {}

  std::string_view name() const override { return "sgd"; }
  float learning_rate() const override { return options_.learning_rate; }
  UpdateRule rule() const override {
    return SgdRule{.momentum = options_.momentum,
                   .nesterov = options_.nesterov,
                   .weight_decay = options_.weight_decay,
                   .decays_biases = options_.decay_biases};
  }
  std::string str() const override {
    return "sgd lr=" + shortest(options_.learning_rate) +
           (options_.momentum == 0.0F ? "" : " momentum=" + shortest(options_.momentum)) +
           (options_.nesterov ? " (Nesterov)" : "") +
           decay_text(options_.weight_decay, options_.decay_biases);
  }

 private:
  SgdOptions options_;
};

}  // namespace

OptimizerPtr sgd(SgdOptions options) {
  require_learning_rate("SGD", options.learning_rate);
  require_momentum("SGD", options.momentum);
  require(!options.nesterov || options.momentum > 0.0F, "SGD's momentum", options.momentum,
          "more than 0 for Nesterov's form");
  require_weight_decay("SGD", options.weight_decay);
  return std::make_shared<Sgd>(options);
}

}  // namespace minnow
