#include <minnow/program.h>

#include <algorithm>
#include <vector>

namespace minnow {
namespace {

/// Peephole rewriting over a copy of the ops: an op that was merged into another is marked dead.
class Fuser {
 public:
  Fuser(const std::vector<Value>& values, std::vector<Op>& ops) : values_(values), ops_(ops) {
    dead_.resize(ops.size());
    producer_.resize(values.size(), kNone);
    users_.resize(values.size());
    for (std::size_t i = 0; i < ops.size(); ++i) {
      for (const ValueId id : ops[i].inputs) users_[index(id)].push_back(i);
      for (const ValueId id : ops[i].outputs) producer_[index(id)] = i;
    }
  }

  void run() {
    // First the losses: an activation that has become part of a product is not found any more.
    for_each(OpKind::loss, [this](std::size_t i) { fuse_loss(i); });
    for_each(OpKind::add_bias, [this](std::size_t i) { fuse_bias(i); });
    for_each(OpKind::activate, [this](std::size_t i) { fuse_activation(i); });
    for_each(OpKind::activate_grad, [this](std::size_t i) { fuse_activation_grad(i); });
    std::vector<Op> alive;
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (!dead_[i]) alive.push_back(std::move(ops_[i]));
    }
    ops_ = std::move(alive);
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

  template <class F>
  void for_each(OpKind kind, F fuse) {
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (!dead_[i] && ops_[i].kind == kind) fuse(i);
    }
  }

  /// Of an activation: one op makes it.
  std::size_t producer(ValueId id) const {
    const std::size_t made_by = producer_[index(id)];
    return made_by != kNone && dead_[made_by] ? kNone : made_by;
  }

  std::vector<std::size_t> readers(ValueId id) const {
    std::vector<std::size_t> found;
    for (const std::size_t i : users_[index(id)]) {
      const auto& inputs = ops_[i].inputs;
      if (!dead_[i] && std::count(inputs.begin(), inputs.end(), id) > 0) found.push_back(i);
    }
    return found;
  }

  void add_input(std::size_t op, ValueId id) {
    ops_[op].inputs.push_back(id);
    users_[index(id)].push_back(op);
  }

  /// The op that makes `id`, if it is of this kind and `id` has no other reader than `reader`.
  std::size_t sole_producer(ValueId id, OpKind kind, std::size_t reader) const {
    const std::size_t made_by = producer(id);
    if (made_by == kNone || ops_[made_by].kind != kind) return kNone;
    if (values_[static_cast<std::size_t>(id)].keep) return kNone;
    return readers(id) == std::vector<std::size_t>{reader} ? made_by : kNone;
  }

  void absorb(std::size_t from, std::size_t into) {
    ops_[into].outputs = ops_[from].outputs;
    for (const ValueId id : ops_[into].outputs) producer_[index(id)] = into;
    dead_[from] = true;
  }

  static bool activates(const Op& op) { return op.activation.kind != ActivationKind::identity; }

  void fuse_bias(std::size_t i) {
    const std::size_t linear = sole_producer(ops_[i].inputs[0], OpKind::linear, i);
    if (linear == kNone || ops_[linear].inputs.size() != 2) return;
    add_input(linear, ops_[i].inputs[1]);
    absorb(i, linear);
  }

  void fuse_activation(std::size_t i) {
    const std::size_t linear = sole_producer(ops_[i].inputs[0], OpKind::linear, i);
    if (linear == kNone || activates(ops_[linear])) return;
    ops_[linear].activation = ops_[i].activation;
    absorb(i, linear);
  }

  void fuse_activation_grad(std::size_t i) {
    const std::size_t grad = sole_producer(ops_[i].inputs[0], OpKind::linear_input_grad, i);
    if (grad == kNone || ops_[grad].inputs.size() != 2) return;
    add_input(grad, ops_[i].inputs[1]);
    ops_[grad].activation = ops_[i].activation;
    absorb(i, grad);
  }

  /// A loss of probabilities that an op made from logits: that op, its gradient, and the loss that
  /// does the work of all three.
  struct FromLogits {
    LossKind from;
    OpKind op;
    OpKind gradient;
    ActivationKind activation;
    LossKind to;
  };
  static constexpr FromLogits kFromLogits[] = {
      {LossKind::cross_entropy, OpKind::softmax, OpKind::softmax_grad, ActivationKind::identity,
       LossKind::softmax_cross_entropy},
      {LossKind::binary_cross_entropy, OpKind::activate, OpKind::activate_grad,
       ActivationKind::sigmoid, LossKind::sigmoid_binary_cross_entropy},
  };

  void fuse_loss(std::size_t i) {
    for (const FromLogits& rule : kFromLogits) {
      if (ops_[i].loss.kind == rule.from) return fuse_loss(i, rule);
    }
  }

  void fuse_loss(std::size_t i, const FromLogits& rule) {
    const auto is = [&](std::size_t op, OpKind kind) {
      return ops_[op].kind == kind && ops_[op].activation.kind == rule.activation;
    };
    const ValueId probabilities = ops_[i].inputs[0];
    const std::size_t made_by = producer(probabilities);
    if (made_by == kNone || !is(made_by, rule.op)) return;
    const ValueId logits = ops_[made_by].inputs[0];
    ValueId& derivative = ops_[i].outputs.back();
    if (values_[index(derivative)].kind == ValueKind::activation) {
      const auto users = readers(derivative);
      if (users.size() != 1 || !is(users[0], rule.gradient)) return;
      derivative = ops_[users[0]].outputs[0];
      producer_[index(derivative)] = i;
      dead_[users[0]] = true;
    }
    ops_[i].loss.kind = rule.to;
    ops_[i].inputs[0] = logits;
    users_[index(logits)].push_back(i);
    if (!values_[index(probabilities)].keep && readers(probabilities).empty()) {
      dead_[made_by] = true;
    }
  }

  const std::vector<Value>& values_;
  std::vector<Op>& ops_;
  std::vector<bool> dead_;
  // By value: a step in slices has thousands of ops.
  std::vector<std::size_t> producer_;
  std::vector<std::vector<std::size_t>> users_;  // with ops that are dead or read it no more
};

}  // namespace

Program fuse(const Program& program) {
  Program fused = program;
  Fuser(fused.values_, fused.ops_).run();
  return fused;
}

}  // namespace minnow
