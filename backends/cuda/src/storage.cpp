#include "storage.h"

#include <algorithm>

#include "layout.h"

namespace minnow::cuda {
namespace {

constexpr bool is_product(OpKind kind) {
  return kind == OpKind::linear || kind == OpKind::linear_input_grad ||
         kind == OpKind::linear_weight_grad;
}

std::vector<int> readers(const Program& program, ValueId id) {
  std::vector<int> found;
  for (std::size_t i = 0; i < program.ops().size(); ++i) {
    const auto& inputs = program.ops()[i].inputs;
    if (std::count(inputs.begin(), inputs.end(), id) > 0) found.push_back(static_cast<int>(i));
  }
  return found;
}

std::vector<OpSpan> spans_of(const Program& program) {
  std::vector<OpSpan> spans;
  for (int i = 0; i < static_cast<int>(program.ops().size()); ++i) spans.push_back({i, i});
  if (const auto head = find_head(program)) {
    for (const int op : {head->linear, head->loss, head->input_grad}) {
      if (op < 0) continue;
      OpSpan& span = spans[static_cast<std::size_t>(op)];
      span.first = head->linear;
      span.last = std::max(op, head->loss);
    }
  }
  return spans;
}

std::int64_t bytes_of(const Value& value, bool low) {
  if (value.dtype == DType::i32) return value.rows * 4;
  return value.rows * padded(value.cols) * (low ? 2 : 4);
}

}  // namespace

std::optional<HeadOps> find_head(const Program& program) {
  const auto& ops = program.ops();
  for (int i = 0; i < static_cast<int>(ops.size()); ++i) {
    const Op& loss = ops[static_cast<std::size_t>(i)];
    if (loss.kind != OpKind::mse && loss.kind != OpKind::softmax_cross_entropy) continue;
    const ValueId logits = loss.inputs[0];
    const auto made = std::find_if(ops.begin(), ops.end(), [&](const Op& op) {
      return op.kind == OpKind::linear && op.outputs[0] == logits;
    });
    if (made == ops.end() || made->relu || program.value(logits).keep ||
        readers(program, logits).size() != 1 || program.value(logits).cols > kHeadOutputs ||
        program.value(made->inputs[0]).cols > kHeadInputs) {
      return std::nullopt;
    }
    HeadOps head{.linear = static_cast<int>(made - ops.begin()), .loss = i};
    const std::size_t gradient_at = loss.kind == OpKind::mse ? 1 : 2;
    if (loss.outputs.size() > gradient_at) {
      for (const int reader : readers(program, loss.outputs[gradient_at])) {
        const Op& op = ops[static_cast<std::size_t>(reader)];
        // A mask other than the layer's own input would be read elsewhere.
        const bool own_mask = op.inputs.size() < 3 || op.inputs[2] == made->inputs[0];
        if (op.kind == OpKind::linear_input_grad && op.inputs[1] == made->inputs[1] && own_mask) {
          head.input_grad = reader;
        }
      }
    }
    return head;
  }
  return std::nullopt;
}

bool needs_product(const Program& program) {
  const HeadOps head = find_head(program).value_or(HeadOps{});
  for (int i = 0; i < static_cast<int>(program.ops().size()); ++i) {
    const bool product = is_product(program.ops()[static_cast<std::size_t>(i)].kind);
    if (product && i != head.linear && i != head.input_grad) return true;
  }
  return false;
}

bool is_stored_low(const Program& program, ValueId id, Precision precision) {
  const Value& value = program.value(id);
  if (precision != Precision::bf16 || value.dtype != DType::f32) return false;
  if (value.kind != ValueKind::activation && value.kind != ValueKind::input) return false;
  return std::any_of(program.ops().begin(), program.ops().end(), [&](const Op& op) {
    if (!is_product(op.kind)) return false;
    const bool both = op.kind == OpKind::linear_weight_grad;  // else the second is a weight
    return op.inputs[0] == id || (both && op.inputs[1] == id);
  });
}

bool needs_mask(const Program& program, ValueId id) {
  const auto& ops = program.ops();
  const bool from_relu = std::any_of(ops.begin(), ops.end(), [&](const Op& op) {
    return op.kind == OpKind::linear && op.relu && op.outputs[0] == id;
  });
  return from_relu && std::any_of(ops.begin(), ops.end(), [&](const Op& op) {
           return op.kind == OpKind::linear_input_grad && op.inputs.size() > 2 &&
                  op.inputs[2] == id;
         });
}

Storage::Storage(const Program& program, Precision precision, std::int64_t max_steps) {
  const auto size_of_value = [&](const Value& value) {
    const auto id = static_cast<ValueId>(&value - program.values().data());
    return bytes_of(value, is_stored_low(program, id, precision));
  };
  const ActivationPlan plan = plan_activations(program, size_of_value, spans_of(program));
  values = plan.offsets;
  const auto take = [&](std::int64_t size) {
    const std::int64_t at = bytes;
    bytes += device_bytes(size);
    return at;
  };
  take(plan.bytes);
  masks.assign(program.values().size(), -1);
  for (std::size_t id = 0; id < masks.size(); ++id) {
    const Value& value = program.values()[id];
    if (!needs_mask(program, static_cast<ValueId>(id))) continue;
    masks[id] = take(mask_ld(value.cols) / 8 * value.rows);
  }
  activation_bytes = bytes;
  const auto entries = static_cast<std::int64_t>(program.input_transform().offset.size());
  offset = take(entries * 4);
  scale = take(entries * 4);
  row_loss = take(program.batch() * 4);
  row_correct = take(program.batch() * 4);
  // These two are copied together, and last.
  run_state = take(static_cast<std::int64_t>(sizeof(RunState)));
  outcomes = take(max_steps * static_cast<std::int64_t>(sizeof(StepOutcome)));
}

}  // namespace minnow::cuda
