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
std::unique_ptr<Task> finish_loss(const TaskContext& context, double count) {
  return task([=, state = &context.state, arena = &context.arena, rule = context.program.rule(),
               loss = context.matrix(context.program.loss()).data,
               correct = context.program.correct() == kNoValue
                             ? nullptr
                             : context.matrix(context.program.correct()).data](int worker, int) {
    if (worker != 0) return;
    const double total = sum(state->row_loss);
    std::int32_t right = 0;
    for (const std::int32_t row : state->row_correct) right += row;
    state->result = {.loss = static_cast<float>(total / count), .correct = right};
    *loss = state->result.loss;
    if (correct != nullptr) *correct = static_cast<float>(right);
    state->loss_finite = std::isfinite(state->result.loss);
    if (rule.state_arenas < 2) return;
    // From the step count and not from step to step: the same bits however the run is cut.
    const auto t = static_cast<double>(arena->steps() + 1);
    const auto power = [&](double beta) {
      if (rule.corrected_epsilon) return std::pow(beta, t);
      // Keras takes the power of a float32 in float32: 1 - 0.999 is then off by 1.3e-5, and without
      // the same here losses would differ from its by 2e-5 after 20 steps.
      const auto rounded = static_cast<double>(static_cast<float>(beta));
      return static_cast<double>(static_cast<float>(std::pow(rounded, t)));
    };
    state->beta1_power = power(rule.beta1);
    state->beta2_power = power(rule.beta2);
  });
}

}  // namespace

std::vector<std::unique_ptr<Task>> make_mse(const TaskContext& context, const Op& op) {
  const Matrix x = context.matrix(op.inputs[0]);
  const Matrix target = context.matrix(op.inputs[1]);
  const Matrix gradient = op.outputs.size() > 1 ? context.matrix(op.outputs[1]) : Matrix{};
  const double count = static_cast<double>(context.program.batch()) * static_cast<double>(x.cols);
  std::vector<std::unique_ptr<Task>> tasks;
  tasks.push_back(task([=, first = op.row, state = &context.state, kernels = &context.kernels](
                           int worker, int workers) {
    const Share rows = share(x.rows, worker, workers);
    kernels->mse({.input = x.data,
                  .values = target.data,
                  .labels = nullptr,
                  .gradient = gradient.data,
                  .row_loss = state->row_loss.data() + first,
                  .row_correct = nullptr,
                  .begin = rows.begin,
                  .end = rows.end,
                  .cols = x.cols,
                  .ld = x.stride,
                  .gradient_scale = static_cast<float>(2.0 / count)});
  }));
  if (context.program.ends_batch(op)) tasks.push_back(finish_loss(context, count));
  return tasks;
}

std::vector<std::unique_ptr<Task>> make_class_loss(const TaskContext& context, const Op& op) {
  const Matrix x = context.matrix(op.inputs[0]);
  const Matrix target = context.matrix(op.inputs[1]);
  const bool labels = context.program.value(op.inputs[1]).dtype == DType::i32;
  const Matrix gradient = op.outputs.size() > 2 ? context.matrix(op.outputs[2]) : Matrix{};
  const auto kernel = op.kind == OpKind::cross_entropy ? context.kernels.cross_entropy
                                                       : context.kernels.softmax_cross_entropy;
  const auto batch = static_cast<double>(context.program.batch());
  std::vector<std::unique_ptr<Task>> tasks;
  tasks.push_back(task([=, first = op.row, state = &context.state](int worker, int workers) {
    const Share rows = share(x.rows, worker, workers);
    kernel({.input = x.data,
            .values = labels ? nullptr : target.data,
            .labels = labels ? reinterpret_cast<const std::int32_t*>(target.data) : nullptr,
            .gradient = gradient.data,
            .row_loss = state->row_loss.data() + first,
            .row_correct = state->row_correct.data() + first,
            .begin = rows.begin,
            .end = rows.end,
            .cols = x.cols,
            .ld = x.stride,
            .gradient_scale = 1.0F / static_cast<float>(batch)});
  }));
  if (context.program.ends_batch(op)) tasks.push_back(finish_loss(context, batch));
  return tasks;
}

}  // namespace minnow::cpu
