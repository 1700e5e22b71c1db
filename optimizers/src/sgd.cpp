#include <minnow/optimizers.h>

#include <cmath>

#include "require.h"

namespace minnow {
namespace {

class Sgd final : public Optimizer {
 public:
  explicit Sgd(const SgdOptions& options) : options_(options) {}

  std::string_view name() const override { return "sgd"; }
  float learning_rate() const override { return options_.learning_rate; }
  UpdateRule rule() const override {
    UpdateRule rule;
    rule.momentum = options_.momentum;
    rule.state_arenas = options_.momentum == 0.0F ? 0 : 1;
    return rule;
  }
  void record(Program& program) const override { program.update(OpKind::sgd, rule()); }
  std::string str() const override {
    return "sgd lr=" + shortest(options_.learning_rate) +
           (options_.momentum == 0.0F ? "" : " momentum=" + shortest(options_.momentum));
  }

 private:
  SgdOptions options_;
};

}  // namespace

OptimizerPtr sgd(SgdOptions options) {
  require(std::isfinite(options.learning_rate) && options.learning_rate > 0.0F,
          "SGD's learning rate", options.learning_rate, "a positive number");
  require(options.momentum >= 0.0F && options.momentum < 1.0F, "SGD's momentum", options.momentum,
          "0 or more and less than 1");
  return std::make_shared<Sgd>(options);
}

}  // namespace minnow
