#include "storage.h"

#include <algorithm>

#include "layout.h"

namespace minnow::cuda {
namespace {

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
  if (program.sliced()) return spans;
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

std::vector<bool> stored_low(const Program& program, Precision precision) {
  std::vector<bool> low(program.values().size());
  if (precision != Precision::bf16) return low;
  const auto mark = [&](ValueId id) {
    const Value& value = program.value(id);
    const bool computed = value.kind == ValueKind::activation || value.kind == ValueKind::input;
    low[static_cast<std::size_t>(id)] = computed && value.dtype == DType::f32;
  };
  for (const Op& op : program.ops()) {
    if (!is_product(op.kind)) continue;
    mark(op.inputs[0]);
    if (op.kind == OpKind::linear_weight_grad) mark(op.inputs[1]);  // else a weight
  }
  return low;
}

std::int64_t bytes_of(const Value& value, bool low) {
  if (value.dtype == DType::i32) return value.rows * 4;
  return value.rows * padded(value.cols) * (low ? 2 : 4);
}

}  // namespace

std::optional<HeadOps> find_head(const Program& program) {
  const auto& ops = program.ops();
  const auto loss =
      std::find_if(ops.begin(), ops.end(), [](const Op& op) { return is_loss(op.kind); });
  // The terms of a loss are summed in their order, and the head comes early.
  if (loss == ops.end() || program.loss_terms() > 1) return std::nullopt;
  const ValueId logits = loss->inputs[0];
  const auto made = std::find_if(ops.begin(), loss, [&](const Op& op) {
    return op.kind == OpKind::linear && op.outputs[0] == logits;
  });
  if (made == loss || made->activation.kind != ActivationKind::identity ||
      program.value(logits).keep || readers(program, logits).size() != 1 ||
      program.value(logits).cols > kHeadOutputs ||
      program.value(made->inputs[0]).cols > kHeadInputs) {
    return std::nullopt;
  }
  // It runs in the place of the last layer.
  const auto is_there = [&](ValueId id) {
    return std::none_of(made, ops.end(), [&](const Op& op) {
      return std::count(op.outputs.begin(), op.outputs.end(), id) > 0;
    });
  };
  if (!is_there(loss->inputs[1])) return std::nullopt;
  HeadOps head{.linear = static_cast<int>(made - ops.begin()),
               .loss = static_cast<int>(loss - ops.begin())};
  const ValueId gradient = program.gradient_of_loss(*loss);
  if (gradient == kNoValue) return head;
  const Value& x = program.value(made->inputs[0]);
  const bool few = x.rows <= kHeadGradientRows && x.rows * x.cols <= kHeadGradientNumbers;
  for (const int reader : readers(program, gradient)) {
    const Op& op = ops[static_cast<std::size_t>(reader)];
    if (op.kind == OpKind::linear_input_grad && op.inputs[1] == made->inputs[1] &&
        (op.inputs.size() < 3 || is_there(op.inputs[2]))) {
      head.input_grad = reader;
    }
    if (op.kind == OpKind::linear_weight_grad && op.inputs[1] == made->inputs[0] && few) {
      head.weight_grad = reader;
    }
    if (op.kind == OpKind::bias_grad) head.bias_grad = reader;
  }
  if (head.weight_grad < 0) head.bias_grad = -1;
  return head;
}

bool needs_product(const Program& program) {
  const HeadOps head = find_head(program).value_or(HeadOps{});
  for (int i = 0; i < static_cast<int>(program.ops().size()); ++i) {
    const bool product = is_product(program.ops()[static_cast<std::size_t>(i)].kind);
    if (product && i != head.linear && i != head.input_grad && i != head.weight_grad) return true;
  }
  return false;
}

Storage::Storage(const Program& program, Precision precision, std::int64_t max_steps) {
  low = stored_low(program, precision);
  const auto size_of_value = [&](const Value& value) {
    return bytes_of(value, low[static_cast<std::size_t>(&value - program.values().data())]);
  };
  const ActivationPlan plan = plan_activations(program, size_of_value, spans_of(program));
  values = plan.offsets;
  BlockLayout layout(kDeviceAlignment);
  layout.add(plan.bytes);
  place_masks(program, layout);
  activation_bytes = layout.bytes();
  const auto entries = static_cast<std::int64_t>(program.input_transform().offset.size());
  offset = layout.add(entries * 4);
  scale = layout.add(entries * 4);
  row_loss = layout.add(program.batch() * 4);
  row_correct = layout.add(program.batch() * 4);
  // These two are copied together, and last.
  run_state = layout.add(static_cast<std::int64_t>(sizeof(RunState)));
  outcomes = layout.add(max_steps * static_cast<std::int64_t>(sizeof(StepOutcome)));
  bytes = layout.bytes();
}

void Storage::place_masks(const Program& program, BlockLayout& layout) {
  masks.assign(program.values().size(), -1);
  std::vector<bool> asked(program.values().size());
  for (const Op& op : program.ops()) {
    if (op.kind != OpKind::linear_input_grad || op.activation.kind != ActivationKind::relu)
      continue;
    asked[static_cast<std::size_t>(op.inputs[2])] = true;
  }
  // One slice after another: each takes the memory of the one before.
  BlockLayout of_slice(kDeviceAlignment);
  std::int64_t most = 0;
  std::int64_t slice = 0;
  for (const Op& op : program.ops()) {
    if (op.kind != OpKind::linear || op.activation.kind != ActivationKind::relu) continue;
    const auto id = static_cast<std::size_t>(op.outputs[0]);
    if (!asked[id]) continue;
    if (op.row != slice) of_slice = BlockLayout(kDeviceAlignment);
    slice = op.row;
    const Value& value = program.values()[id];
    masks[id] = of_slice.add(mask_ld(value.cols) / 8 * value.rows);
    most = std::max(most, of_slice.bytes());
  }
  const std::int64_t begin = layout.add(most);
  for (std::int64_t& mask : masks) {
    if (mask >= 0) mask += begin;
  }
}

}  // namespace minnow::cuda
