#include "lowering.h"

#include <minnow/base/text.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#ifdef MINNOW_CUDNN
#include "cudnn_library.h"
#endif
#include "layout.h"
#include "lowering_class.h"
#include "product_trial.h"

namespace minnow::cuda {

void Lowering::lower(int index) {
  const Op& it = op(index);
  switch (it.kind) {
    case OpKind::gather:
      return gather(index);
    case OpKind::linear:
      if (head_ && head_->linear == index) return head();
      return linear(index);
    case OpKind::linear_input_grad:
      return input_grad(index);
    case OpKind::linear_weight_grad:
      return weight_grad(index);
    case OpKind::softmax:
      return softmax(index);
    case OpKind::loss:
      return loss(index);
    case OpKind::update:
      return update(index);
    case OpKind::add_bias:
      kernel(index, "add_bias",
             [x = matrix(it.inputs[0]), bias = matrix(it.inputs[1]),
              y = matrix(it.outputs[0])](auto stream) {
               return launch_activate(x, static_cast<const float*>(bias.data), {}, y, stream);
             });
      break;
    case OpKind::add:
      kernel(index, "add",
             [a = matrix(it.inputs[0]), b = matrix(it.inputs[1]),
              y = matrix(it.outputs[0])](auto stream) { return launch_add(a, b, y, stream); });
      break;
    case OpKind::activate:
      kernel(index, "activate",
             [x = matrix(it.inputs[0]), f = function_of(it), y = matrix(it.outputs[0])](
                 auto stream) { return launch_activate(x, nullptr, f, y, stream); });
      break;
    case OpKind::activate_grad:
      kernel(index, "activate_grad",
             [dy = matrix(it.inputs[0]), saved = matrix(it.inputs[1]), f = function_of(it),
              dx = matrix(it.outputs[0])](auto stream) {
               return launch_activate_grad(dy, saved, f, dx, stream);
             });
      break;
    case OpKind::softmax_grad:
      kernel(index, "softmax_grad",
             [dy = matrix(it.inputs[0]), y = matrix(it.inputs[1]), dx = matrix(it.outputs[0])](
                 auto stream) { return launch_softmax_grad(dy, y, dx, stream); });
      break;
    case OpKind::bias_grad:
      kernel(index, "column_sums",
             [dy = matrix(it.inputs[0]), add = it.accumulate,
              db = matrix(it.outputs[0])](auto stream) {
               return launch_column_sums(dy, add, static_cast<float*>(db.data), stream);
             });
      break;
  }
  explain(index, "own kernel");
}

void Lowering::gather(int index) {
  const Op& it = op(index);
  Gather job{.x = matrix(it.outputs[0]),
             .row = it.row,
             .target = it.outputs.size() > 1 ? matrix(it.outputs[1]) : Matrix{},
             .labels = program_.target_kind() == TargetKind::labels,
             .from_u8 = program_.source_dtype() == DType::u8,
             .offset = context_.at<float>(context_.storage.offset),
             .scale = context_.at<float>(context_.storage.scale),
             .per_feature = program_.input_transform().offset.size() > 1};
  kernel(index, "gather",
         [job, state = context_.at<RunState>(context_.storage.run_state)](auto stream) {
           return launch_gather(state, job, stream);
         });
  explain(index, "own kernel");
}

void Lowering::softmax(int index) {
  const Matrix x = matrix(op(index).inputs[0]);
  const Matrix y = matrix(op(index).outputs[0]);
#ifdef MINNOW_CUDNN
  // In a prediction: nothing is there to fuse it with. Training's softmax is part of the loss.
  const bool predicts = fused_ && program_.loss() == kNoValue && !x.bf16 && !y.bf16;
  if (const Cudnn* cudnn = predicts ? context_.device.cudnn() : nullptr) {
    auto run = std::make_shared<Cudnn::Softmax>(*cudnn, x, y);
    run->run(context_.device.stream());  // loads what it needs
    add(index, [run](cudaStream_t stream) { run->run(stream); });
    explain(index, cat("cuDNN ", cudnn->version()));
    return;
  }
#endif
  kernel(index, "softmax", [x, y](auto stream) { return launch_softmax(x, y, stream); });
  const std::string& refusal = context_.device.cudnn_refusal();
  explain(index, refusal.empty() ? "own kernel" : cat("own kernel; cuDNN: ", refusal));
}

Loss Lowering::loss_of(const Op& loss) const {
  const Matrix x = matrix(loss.inputs[0]);
  const ValueId gradient = program_.gradient_of_loss(loss);
  const double weight = static_cast<double>(loss.loss.weight) /
                        (is_element_loss(loss.loss.kind) ? static_cast<double>(x.cols) : 1.0);
  const Storage& storage = context_.storage;
  return {.kind = loss.loss.kind,
          .parameter = loss.loss.parameter,
          .row_scale = static_cast<float>(weight),
          .gradient_scale = static_cast<float>(weight / static_cast<double>(program_.batch())),
          .first = loss.term == 0,
          .last = program_.ends_batch(loss),
          .x = x,
          .target = matrix(loss.inputs[1]),
          .labels = program_.value(loss.inputs[1]).dtype == DType::i32,
          .gradient = gradient == kNoValue ? Matrix{} : matrix(gradient),
          .row = loss.row,
          .batch = program_.batch(),
          .row_loss = context_.at<float>(storage.row_loss),
          .row_correct = context_.at<std::int32_t>(storage.row_correct),
          .loss = result(program_.loss()),
          .correct = result(program_.correct()),
          .finished_blocks = &context_.at<RunState>(storage.run_state)->finished_blocks};
}

void Lowering::loss(int index) {
  kernel(index, "loss",
         [job = loss_of(op(index))](auto stream) { return launch_loss(job, stream); });
  explain(index, head_is_left_out_ ? "own kernel; not with the last layer, as it is a slice"
                                   : "own kernel");
}

void Lowering::head() {
  const Op& linear = op(head_->linear);
  const Matrix w =
      context_.arena.matrix(Arena::Part::parameters, program_.value(linear.inputs[1]).slot, false);
  Head job{.x = matrix(linear.inputs[0]),
           .weight = static_cast<const float*>(w.data),
           .weight_stride = w.stride,
           .bias = linear.inputs.size() > 2
                       ? static_cast<const float*>(matrix(linear.inputs[2]).data)
                       : nullptr,
           .loss = loss_of(op(head_->loss)),
           .dx = {},
           .below = {},
           .saved = {},
           .dw = nullptr,
           .db = nullptr};
  if (head_->input_grad >= 0) {
    const Op& input_grad = op(head_->input_grad);
    job.dx = matrix(input_grad.outputs[0]);
    job.below = function_of(input_grad);
    if (job.below.kind != ActivationKind::identity) job.saved = matrix(input_grad.inputs[2]);
    absorb(head_->input_grad, head_->linear);
  }
  const auto gradient = [&](int index) {
    absorb(index, head_->linear);
    return static_cast<float*>(matrix(op(index).outputs[0]).data);
  };
  absorb(head_->loss, head_->linear);
  if (head_->weight_grad >= 0) job.dw = gradient(head_->weight_grad);
  if (head_->bias_grad >= 0) job.db = gradient(head_->bias_grad);
  kernel(head_->linear, "head", [job](auto stream) { return launch_head(job, stream); });
  explain(head_->linear, "own kernel, with the loss");
}

void Lowering::update(int index) {
  const CudaArena& arena = context_.arena;
  const Update job{.state = arena.state(),
                   .p = arena.part(Arena::Part::parameters),
                   .g = arena.part(Arena::Part::gradients),
                   .states = {arena.part(Arena::Part::state0), arena.part(Arena::Part::state1)},
                   .low = arena.low(),
                   .weights = arena.layout().weights,
                   .count = arena.layout().elements};
  kernel(index, "begin_update", [end = step_end(), rule = program_.rule(), job](auto stream) {
    return launch_begin_update(end, rule, job, stream);
  });
  kernel(index, "update",
         [rule = program_.rule(), job](auto stream) { return launch_update(rule, job, stream); });
  explain(index, "own kernels: look at all gradients, update the arena");
}

void Lowering::finish_step() {
  const int last = static_cast<int>(program_.ops().size()) - 1;
  kernel(last, "finish_step",
         [end = step_end()](auto stream) { return launch_finish_step(end, stream); });
}

float* Lowering::result(ValueId id) const {
  return id == kNoValue ? nullptr : static_cast<float*>(matrix(id).data);
}

StepEnd Lowering::step_end() const {
  return {.state = context_.at<RunState>(context_.storage.run_state),
          .outcomes = context_.at<StepOutcome>(context_.storage.outcomes),
          .loss = result(program_.loss()),
          .correct = result(program_.correct()),
          .batch = program_.batch()};
}

Matrix LoweringContext::matrix(ValueId id) const {
  const Value& value = program.value(id);
  if (value.kind == ValueKind::parameter) {
    // Products read the rounded copy of weights in bf16; a bias is read as float32.
    const bool weight = program.parameters()[static_cast<std::size_t>(value.slot)].rank > 1;
    const bool low = weight && device.precision() == Precision::bf16;
    return arena.matrix(Arena::Part::parameters, value.slot, low);
  }
  if (value.kind == ValueKind::gradient) {
    return arena.matrix(Arena::Part::gradients, value.slot, false);
  }
  const std::int64_t offset = storage.values[static_cast<std::size_t>(id)];
  return {.data = offset < 0 ? nullptr : at<void>(offset),
          .rows = value.rows,
          .cols = value.cols,
          .stride = padded(value.cols),
          .bf16 = storage.low[static_cast<std::size_t>(id)]};
}

Lowered lower(const LoweringContext& context, Style style) {
  const bool times = style == Style::fused && context.device.tune();
  const std::int64_t bytes = context.storage.activation_bytes;
  if (times) fill_with_numbers(context.memory, bytes, context.device.stream());
  Lowered result = Lowering(context, style).run();
  if (times) {
    check(cudaMemsetAsync(context.memory, 0, static_cast<std::size_t>(bytes),
                          context.device.stream()),
          "cudaMemsetAsync");
  }
  return result;
}

}  // namespace minnow::cuda
