#include <cmath>
#include <span>

#include "layout.h"
#include "task_parts.h"

namespace minnow::cpu {
namespace {

/// In four chains: one addition need not wait for the one before.
double sum(std::span<const float> values) {
  double a = 0, b = 0, c = 0, d = 0;
  std::size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    a += values[i], b += values[i + 1], c += values[i + 2], d += values[i + 3];
  }
  for (; i < values.size(); ++i) a += values[i];
  return (a + b) + (c + d);
}

/// Sums the losses of all rows of the batch in their order; worker 0 alone.
std::unique_ptr<Task> finish_loss(const TaskContext& context) {
  const auto batch = static_cast<double>(context.program.batch());
  const ValueId correct_id = context.program.correct();
  float* correct = correct_id == kNoValue ? nullptr : context.matrix(correct_id).data;
  return task([=, state = &context.state, loss = context.matrix(context.program.loss()).data](
                  int worker, int) {
    if (worker != 0) return;
    std::int32_t right = 0;
    for (const std::int32_t row : state->row_correct) right += row;
    state->result = {.loss = static_cast<float>(sum(state->row_loss) / batch), .correct = right};
    *loss = state->result.loss;
    if (correct != nullptr) *correct = static_cast<float>(right);
    state->loss_finite = std::isfinite(state->result.loss);
  });
}

}  // namespace

std::vector<std::unique_ptr<Task>> make_loss(const TaskContext& context, const Op& op) {
  const Program& program = context.program;
  const LossTraits traits = traits_of(op.loss.kind);
  const Matrix x = context.matrix(op.inputs[0]);
  const Matrix target = context.matrix(op.inputs[1]);
  const bool labels = program.value(op.inputs[1]).dtype == DType::i32;
  const ValueId gradient_id = program.gradient_of_loss(op);
  const Matrix gradient = gradient_id == kNoValue ? Matrix{} : context.matrix(gradient_id);
  const bool counts = op.term == 0 && traits.accuracy != Accuracy::none;
  const double of_columns = is_element_loss(op.loss.kind) ? static_cast<double>(x.cols) : 1.0;
  const double scale = static_cast<double>(op.loss.weight) / of_columns;
  std::vector<std::unique_ptr<Task>> tasks;
  tasks.push_back(
      task([=, first = op.row, state = &context.state,
            kernel = context.kernels.losses.rows[static_cast<std::size_t>(op.loss.kind)],
            parameter = op.loss.parameter, add = op.term > 0,
            gradient_scale = static_cast<float>(scale / static_cast<double>(program.batch()))](
               int worker, int workers) {
        const Share rows = share(x.rows, worker, workers);
        kernel({.input = x.data,
                .values = labels ? nullptr : target.data,
                .labels = labels ? reinterpret_cast<const std::int32_t*>(target.data) : nullptr,
                .gradient = gradient.data,
                .row_loss = state->row_loss.data() + first,
                .row_correct = counts ? state->row_correct.data() + first : nullptr,
                .begin = rows.begin,
                .end = rows.end,
                .cols = x.cols,
                .ld = x.stride,
                .parameter = parameter,
                .row_scale = static_cast<float>(scale),
                .gradient_scale = gradient_scale,
                .add = add});
      }));
  if (program.ends_batch(op)) tasks.push_back(finish_loss(context));
  return tasks;
}

}  // namespace minnow::cpu
