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
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (dead_[i]) continue;
      switch (ops_[i].kind) {
        case OpKind::add_bias:
          fuse_bias(i);
          break;
        case OpKind::relu:
          fuse_relu(i);
          break;
        case OpKind::relu_grad:
          fuse_relu_grad(i);
          break;
        case OpKind::cross_entropy:
          fuse_softmax(i);
          break;
        default:
          break;
      }
    }
    std::vector<Op> alive;
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (!dead_[i]) alive.push_back(std::move(ops_[i]));
    }
    ops_ = std::move(alive);
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

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

  void fuse_bias(std::size_t i) {
    const std::size_t linear = sole_producer(ops_[i].inputs[0], OpKind::linear, i);
    if (linear == kNone || ops_[linear].inputs.size() != 2 || ops_[linear].relu) return;
    add_input(linear, ops_[i].inputs[1]);
    absorb(i, linear);
  }

  void fuse_relu(std::size_t i) {
    const std::size_t linear = sole_producer(ops_[i].inputs[0], OpKind::linear, i);
    if (linear == kNone || ops_[linear].relu) return;
    ops_[linear].relu = true;
    absorb(i, linear);
  }

  void fuse_relu_grad(std::size_t i) {
    const std::size_t grad = sole_producer(ops_[i].inputs[0], OpKind::linear_input_grad, i);
    if (grad == kNone || ops_[grad].inputs.size() != 2) return;
    add_input(grad, ops_[i].inputs[1]);
    absorb(i, grad);
  }

  /// softmax -> cross_entropy [-> softmax_grad] becomes softmax_cross_entropy from the logits.
  void fuse_softmax(std::size_t i) {
    const ValueId probabilities = ops_[i].inputs[0];
    const std::size_t softmax = producer(probabilities);
    if (softmax == kNone || ops_[softmax].kind != OpKind::softmax) return;
    std::size_t softmax_grad = kNone;
    if (ops_[i].outputs.size() == 3) {
      const auto users = readers(ops_[i].outputs[2]);
      if (users.size() != 1 || ops_[users[0]].kind != OpKind::softmax_grad) return;
      softmax_grad = users[0];
    }
    ops_[i].kind = OpKind::softmax_cross_entropy;
    ops_[i].inputs[0] = ops_[softmax].inputs[0];
    users_[index(ops_[i].inputs[0])].push_back(i);
    if (softmax_grad != kNone) {
      ops_[i].outputs[2] = ops_[softmax_grad].outputs[0];
      producer_[index(ops_[i].outputs[2])] = i;
      dead_[softmax_grad] = true;
    }
    const bool kept = values_[static_cast<std::size_t>(probabilities)].keep;
    if (!kept && readers(probabilities).empty()) dead_[softmax] = true;
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
