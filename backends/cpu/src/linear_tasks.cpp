#include <algorithm>

#include "activator.h"
#include "layout.h"
#include "task_parts.h"

namespace minnow::cpu {
namespace {

/// Calls kernel(panel, first row, end row) for a part of panels x rows.
template <class Kernel>
void for_panel_rows(std::int64_t rows, Share part, Kernel kernel) {
  std::int64_t panel = part.begin == 0 ? 0 : part.begin / rows;
  std::int64_t begin = part.begin - panel * rows;
  for (std::int64_t left = part.end - part.begin; left > 0; ++panel) {
    const std::int64_t end = std::min(begin + left, rows);
    kernel(panel, begin, end);
    left -= end - begin;
    begin = 0;
  }
}

}  // namespace

std::unique_ptr<Task> make_linear(const TaskContext& context, const Op& op) {
  const Matrix x = context.matrix(op.inputs[0]);
  const Matrix y = context.matrix(op.outputs[0]);
  const Panels panels = panels_of(context.program, op);
  if (panels.on_eigen(x.rows)) return make_eigen_linear(context, op);
  const float* weight = context.matrix(op.inputs[1]).data;
  const float* bias = op.inputs.size() > 2 ? context.matrix(op.inputs[2]).data : nullptr;
  const Activator f(context.kernels, op.activation);
  // ReLU after a bias is done in the tile; others, on rows that the cache still holds.
  const bool in_tile = bias != nullptr && f.is_relu();
  const bool after = !f.is_identity() && !in_tile;
  const Epilogue epilogue = bias == nullptr ? Epilogue::store
                            : in_tile       ? Epilogue::bias_relu
                                            : Epilogue::bias;
  return task([=, kernels = &context.kernels](int worker, int workers) {
    for_panel_rows(y.rows, share(panels.count() * y.rows, worker, workers),
                   [&](std::int64_t panel, std::int64_t begin, std::int64_t end) {
                     const std::int64_t first = panel * panels.size;
                     const std::int64_t cols = panels.cols(panel);
                     const std::int64_t width = padded(cols);
                     float* into = y.data + begin * y.stride + first;
                     kernels->gemm({.a = x.data + begin * x.stride,
                                    .a_row = x.stride,
                                    .a_depth = 1,
                                    .b = weight + panels.offset(panel),
                                    .b_depth = panels.width(panel),
                                    .c = into,
                                    .c_row = y.stride,
                                    .rows = end - begin,
                                    .depth = x.cols,
                                    .width = static_cast<std::int32_t>(width),
                                    .cols = static_cast<std::int32_t>(cols),
                                    .accumulate = false,
                                    .epilogue = epilogue,
                                    .extra = bias == nullptr ? nullptr : bias + first,
                                    .extra_row = 0});
                     for (std::int64_t row = begin; after && row < end; ++row) {
                       f.value(into, into, cols, width);
                       into += y.stride;
                     }
                   });
  });
}

std::unique_ptr<Task> make_linear_input_grad(const TaskContext& context, const Op& op) {
  const Matrix dy = context.matrix(op.inputs[0]);
  const Matrix dx = context.matrix(op.outputs[0]);
  const Panels panels = panels_of(context.program, op);
  if (panels.on_eigen(dx.rows)) return make_eigen_linear_input_grad(context, op);
  const float* weight = context.matrix(op.inputs[1]).data;
  const Matrix saved = op.inputs.size() > 2 ? context.matrix(op.inputs[2]) : Matrix{};
  const Activator f(context.kernels, op.activation);
  const bool in_tile = saved.data != nullptr && f.is_relu();
  const bool after = saved.data != nullptr && !f.is_relu();
  return task([=, kernels = &context.kernels, scratch = context.scratch,
               scratch_floats = context.scratch_floats](int worker, int workers) {
    float* transposed = scratch + worker * scratch_floats;
    const std::int64_t strips = (dx.cols + 31) / 32;
    for_panel_rows(
        dx.rows, share(strips * dx.rows, worker, workers),
        [&](std::int64_t strip, std::int64_t begin, std::int64_t end) {
          const std::int64_t first = strip * 32;
          const std::int64_t cols = std::min<std::int64_t>(dx.cols - first, 32);
          float* into = dx.data + begin * dx.stride + first;
          const float* from =
              saved.data == nullptr ? nullptr : saved.data + begin * saved.stride + first;
          kernels->transpose_panels(weight, dx.cols, dy.cols, panels.size, first, transposed);
          kernels->gemm({.a = dy.data + begin * dy.stride,
                         .a_row = dy.stride,
                         .a_depth = 1,
                         .b = transposed,
                         .b_depth = 32,
                         .c = into,
                         .c_row = dx.stride,
                         .rows = end - begin,
                         .depth = dy.cols,
                         .width = static_cast<std::int32_t>(padded(cols)),
                         .cols = static_cast<std::int32_t>(cols),
                         .accumulate = false,
                         .epilogue = in_tile ? Epilogue::mask : Epilogue::store,
                         .extra = in_tile ? from : nullptr,
                         .extra_row = saved.stride});
          for (std::int64_t row = begin; after && row < end; ++row) {
            f.slope(into, from, into, cols, padded(cols));
            into += dx.stride;
            from += saved.stride;
          }
        });
  });
}

std::unique_ptr<Task> make_linear_weight_grad(const TaskContext& context, const Op& op) {
  const Matrix dy = context.matrix(op.inputs[0]);
  const Matrix x = context.matrix(op.inputs[1]);
  const Panels panels = panels_of(context.program, op);
  if (panels.on_eigen(x.rows)) return make_eigen_linear_weight_grad(context, op);
  float* into = context.matrix(op.outputs[0]).data;
  return task([=, accumulate = op.accumulate, kernels = &context.kernels](int worker, int workers) {
    for_panel_rows(x.cols, share_of_inputs(panels, worker, workers),
                   [&](std::int64_t panel, std::int64_t begin, std::int64_t end) {
                     const std::int64_t width = panels.width(panel);
                     const std::int64_t cols = panels.cols(panel);
                     kernels->gemm({.a = x.data + begin,
                                    .a_row = 1,
                                    .a_depth = x.stride,
                                    .b = dy.data + panel * panels.size,
                                    .b_depth = dy.stride,
                                    .c = into + panels.offset(panel) + begin * width,
                                    .c_row = width,
                                    .rows = end - begin,
                                    .depth = x.rows,
                                    .width = static_cast<std::int32_t>(padded(cols)),
                                    .cols = static_cast<std::int32_t>(cols),
                                    .accumulate = accumulate,
                                    .epilogue = Epilogue::store,
                                    .extra = nullptr,
                                    .extra_row = 0});
                   });
  });
}

std::unique_ptr<Task> make_bias_grad(const TaskContext& context, const Op& op) {
  const Matrix dy = context.matrix(op.inputs[0]);
  float* into = context.matrix(op.outputs[0]).data;
  return task([=, accumulate = op.accumulate, kernels = &context.kernels](int worker, int workers) {
    const Share cols = share_of_16(padded(dy.cols), worker, workers);
    kernels->column_sums(dy.data, dy.rows, dy.stride, cols.begin, cols.end - cols.begin, accumulate,
                         into);
  });
}

Panels panels_of(const Program& program, const Op& op) {
  const bool makes_weight = op.kind == OpKind::linear_weight_grad;
  const Value& weight = program.value(makes_weight ? op.outputs[0] : op.inputs[1]);
  return {weight.rows, weight.cols};
}

bool runs_on_eigen(const Program& program, const Op& op) {
  return is_product(op.kind) && panels_of(program, op).on_eigen(program.value(op.inputs[0]).rows);
}

std::int64_t scratch_floats(const Program& program, const Op& op) {
  if (runs_on_eigen(program, op)) return kEigenWorkspace;
  if (op.kind != OpKind::linear_input_grad) return 0;
  return 32 * padded(program.value(op.inputs[0]).cols);
}

}  // namespace minnow::cpu
