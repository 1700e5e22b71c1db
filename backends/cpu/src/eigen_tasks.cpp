// Products with large weights, through Eigen. C is cut into blocks whatever the number of threads,
// because Eigen's sums depend on the size of a block.

#include <algorithm>

#include "activator.h"
#include "layout.h"
#include "task_parts.h"

namespace minnow::cpu {
namespace {

constexpr std::int64_t kBlock = 512;

/// Calls kernel(panel, first row, end row) for a worker's blocks of up to 512 rows of each panel.
template <class Kernel>
void for_blocks(std::int64_t panels, std::int64_t rows, int worker, int workers, Kernel kernel) {
  const std::int64_t blocks = (rows + kBlock - 1) / kBlock;
  const Share part = share(panels * blocks, worker, workers);
  for (std::int64_t i = part.begin; i < part.end; ++i) {
    const std::int64_t begin = i % blocks * kBlock;
    kernel(i / blocks, begin, std::min(begin + kBlock, rows));
  }
}

}  // namespace

std::unique_ptr<Task> make_eigen_linear(const TaskContext& context, const Op& op) {
  const Matrix x = context.matrix(op.inputs[0]);
  const Matrix y = context.matrix(op.outputs[0]);
  const Panels panels = panels_of(context.program, op);
  const float* weight = context.matrix(op.inputs[1]).data;
  const float* bias = op.inputs.size() > 2 ? context.matrix(op.inputs[2]).data : nullptr;
  return task([=, f = Activator(context.kernels, op.activation), kernels = &context.kernels,
               scratch = context.scratch,
               scratch_floats = context.scratch_floats](int worker, int workers) {
    for_blocks(panels.count(), y.rows, worker, workers,
               [&](std::int64_t panel, std::int64_t begin, std::int64_t end) {
                 const std::int64_t first = panel * panels.size;
                 const std::int64_t width = panels.width(panel);
                 float* into = y.data + begin * y.stride + first;
                 kernels->eigen_gemm({.a = x.data + begin * x.stride,
                                      .a_stride = x.stride,
                                      .a_transposed = false,
                                      .b = weight + panels.offset(panel),
                                      .b_stride = width,
                                      .b_transposed = false,
                                      .c = into,
                                      .c_stride = y.stride,
                                      .rows = end - begin,
                                      .cols = width,
                                      .depth = x.cols,
                                      .accumulate = false,
                                      .workspace = scratch + worker * scratch_floats});
                 for (std::int64_t row = begin; row < end; ++row, into += y.stride) {
                   if (bias != nullptr) kernels->add_bias(into, bias + first, into, width);
                   if (!f.is_identity()) f.value(into, into, panels.cols(panel), width);
                 }
               });
  });
}

std::unique_ptr<Task> make_eigen_linear_input_grad(const TaskContext& context, const Op& op) {
  const Matrix dy = context.matrix(op.inputs[0]);
  const Matrix dx = context.matrix(op.outputs[0]);
  const Panels panels = panels_of(context.program, op);
  const float* weight = context.matrix(op.inputs[1]).data;
  const Matrix saved = op.inputs.size() > 2 ? context.matrix(op.inputs[2]) : Matrix{};
  return task([=, f = Activator(context.kernels, op.activation), kernels = &context.kernels,
               scratch = context.scratch,
               scratch_floats = context.scratch_floats](int worker, int workers) {
    for_blocks((dx.cols + kBlock - 1) / kBlock, dx.rows, worker, workers,
               [&](std::int64_t strip, std::int64_t begin, std::int64_t end) {
                 const std::int64_t first = strip * kBlock;
                 const std::int64_t cols = std::min(kBlock, dx.cols - first);
                 float* into = dx.data + begin * dx.stride + first;
                 for (std::int64_t panel = 0; panel < panels.count(); ++panel) {
                   const std::int64_t width = panels.width(panel);
                   kernels->eigen_gemm({.a = dy.data + begin * dy.stride + panel * panels.size,
                                        .a_stride = dy.stride,
                                        .a_transposed = false,
                                        .b = weight + panels.offset(panel) + first * width,
                                        .b_stride = width,
                                        .b_transposed = true,
                                        .c = into,
                                        .c_stride = dx.stride,
                                        .rows = end - begin,
                                        .cols = cols,
                                        .depth = std::min(width, dy.cols - panel * panels.size),
                                        .accumulate = panel > 0,
                                        .workspace = scratch + worker * scratch_floats});
                 }
                 for (std::int64_t row = begin; row < end; ++row, into += dx.stride) {
                   std::fill_n(into + cols, padded(cols) - cols, 0.0F);
                   if (saved.data == nullptr) continue;
                   f.slope(into, saved.data + row * saved.stride + first, into, cols, padded(cols));
                 }
               });
  });
}

std::unique_ptr<Task> make_eigen_linear_weight_grad(const TaskContext& context, const Op& op) {
  const Matrix dy = context.matrix(op.inputs[0]);
  const Matrix x = context.matrix(op.inputs[1]);
  const Panels panels = panels_of(context.program, op);
  float* into = context.matrix(op.outputs[0]).data;
  return task([=, accumulate = op.accumulate, kernels = &context.kernels, scratch = context.scratch,
               scratch_floats = context.scratch_floats](int worker, int workers) {
    for_blocks(panels.count(), x.cols, worker, workers,
               [&](std::int64_t panel, std::int64_t begin, std::int64_t end) {
                 const std::int64_t width = panels.width(panel);
                 kernels->eigen_gemm({.a = x.data + begin,
                                      .a_stride = x.stride,
                                      .a_transposed = true,
                                      .b = dy.data + panel * panels.size,
                                      .b_stride = dy.stride,
                                      .b_transposed = false,
                                      .c = into + panels.offset(panel) + begin * width,
                                      .c_stride = width,
                                      .rows = end - begin,
                                      .cols = width,
                                      .depth = x.rows,
                                      .accumulate = accumulate,
                                      .workspace = scratch + worker * scratch_floats});
               });
  });
}

}  // namespace minnow::cpu
