// The tasks of products with bf16 factors: round, then multiply. See bf16_products.h.

#include <algorithm>
#include <cstring>

#include "activator.h"
#include "bf16_products.h"
#include "layout.h"
#include "task_parts.h"

namespace minnow::cpu {
namespace {

/// Rows of a matrix as rows of A.
void round_rows(const KernelTable& kernels, const Matrix& from, std::uint16_t* to,
                std::int64_t depth, int worker, int workers) {
  const Share rows = share(from.rows, worker, workers);
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    kernels.bf16_row(from.data + row * from.stride, from.cols, to + row * depth, depth);
  }
}

/// multiply(unit of C, row, col): what becomes of each row of a unit.
template <class Finish>
std::unique_ptr<Task> multiply(const TaskContext& context, const Bf16Size& size, Finish finish) {
  Bf16Products* products = context.bf16;
  // Found here: a step looks nothing up.
  OnednnProduct* whole = products->product(size, 0);
  OnednnProduct* last = products->product(size, size.row_blocks() - 1);
  return task([=](int worker, int workers) {
    // A block of A stays in the cache while all panels of B go by.
    const Share units = share(size.row_blocks() * size.panels(), worker, workers);
    for (std::int64_t i = units.begin; i < units.end; ++i) {
      const std::int64_t block = i / size.panels(), panel = i % size.panels();
      const std::int64_t first = block * Bf16Size::kUnitRows, rows = size.unit_rows(block);
      products->run(block + 1 == size.row_blocks() ? last : whole, worker,
                    products->a() + first * size.depth,
                    products->b() + panel * kBf16Cols * size.depth, rows);
      const std::int64_t col = panel * kBf16Cols;
      const std::int64_t width = std::min(padded(size.cols) - col, kBf16Cols);
      const float* from = products->unit(worker);
      for (std::int64_t row = first; row < first + rows; ++row, from += kBf16Cols) {
        finish(from, row, col, width);
      }
    }
  });
}

std::vector<std::unique_ptr<Task>> two(std::unique_ptr<Task> first, std::unique_ptr<Task> second) {
  auto tasks = one(std::move(first));
  tasks.push_back(std::move(second));
  return tasks;
}

/// Where 32 columns of a weight begin, and the floats from row to row.
struct Strip {
  const float* data;
  std::int64_t stride;
  std::int64_t cols;
};
Strip strip_of(const float* weight, const Panels& panels, std::int64_t first) {
  const std::int64_t panel = first / panels.size;
  const std::int64_t width = panels.width(panel);
  const std::int64_t col = first % panels.size;
  return {weight + panels.offset(panel) + col, width, std::min(width - col, kBf16Cols)};
}

std::vector<std::unique_ptr<Task>> linear(const TaskContext& context, const Op& op) {
  const Matrix x = context.matrix(op.inputs[0]);
  const Matrix y = context.matrix(op.outputs[0]);
  const Panels panels = panels_of(context.program, op);
  const float* weight = context.matrix(op.inputs[1]).data;
  const float* bias = op.inputs.size() > 2 ? context.matrix(op.inputs[2]).data : nullptr;
  const Bf16Size size = bf16_size(context.program, op);
  const KernelTable* kernels = &context.kernels;
  const Bf16Products* products = context.bf16;
  auto round = task([=](int worker, int workers) {
    round_rows(*kernels, x, products->a(), size.depth, worker, workers);
    const Share part = share(size.panels(), worker, workers);
    for (std::int64_t i = part.begin; i < part.end; ++i) {
      const Strip strip = strip_of(weight, panels, i * kBf16Cols);
      kernels->bf16_panel(strip.data, strip.stride, x.cols, strip.cols,
                          products->b() + i * kBf16Cols * size.depth, size.depth);
    }
  });
  const auto finish = [=, f = Activator(context.kernels, op.activation)](
                          const float* from, std::int64_t row, std::int64_t col,
                          std::int64_t width) {
    float* into = y.data + row * y.stride + col;
    if (bias == nullptr) {
      std::copy_n(from, width, into);
    } else {
      kernels->add_bias(from, bias + col, into, width);
    }
    if (!f.is_identity()) f.value(into, into, std::min(y.cols - col, width), width);
  };
  return two(std::move(round), multiply(context, size, finish));
}

std::vector<std::unique_ptr<Task>> input_grad(const TaskContext& context, const Op& op) {
  const Matrix dy = context.matrix(op.inputs[0]);
  const Matrix dx = context.matrix(op.outputs[0]);
  const Panels panels = panels_of(context.program, op);
  const float* weight = context.matrix(op.inputs[1]).data;
  const Matrix saved = op.inputs.size() > 2 ? context.matrix(op.inputs[2]) : Matrix{};
  const Bf16Size size = bf16_size(context.program, op);
  const KernelTable* kernels = &context.kernels;
  const Bf16Products* products = context.bf16;
  auto round = task([=](int worker, int workers) {
    round_rows(*kernels, dy, products->a(), size.depth, worker, workers);
    float* transposed = products->unit(worker);
    const Share part = share(size.panels(), worker, workers);
    for (std::int64_t i = part.begin; i < part.end; ++i) {
      kernels->transpose_panels(weight, dx.cols, dy.cols, panels.size, i * kBf16Cols, transposed);
      kernels->bf16_panel(transposed, kBf16Cols, dy.cols, kBf16Cols,
                          products->b() + i * kBf16Cols * size.depth, size.depth);
    }
  });
  const auto finish = [=, f = Activator(context.kernels, op.activation)](
                          const float* from, std::int64_t row, std::int64_t col,
                          std::int64_t width) {
    float* into = dx.data + row * dx.stride + col;
    if (saved.data == nullptr) {
      std::copy_n(from, width, into);
    } else {
      f.slope(from, saved.data + row * saved.stride + col, into, std::min(dx.cols - col, width),
              width);
    }
  };
  return two(std::move(round), multiply(context, size, finish));
}

std::vector<std::unique_ptr<Task>> weight_grad(const TaskContext& context, const Op& op) {
  const Matrix dy = context.matrix(op.inputs[0]);
  const Matrix x = context.matrix(op.inputs[1]);
  const Panels panels = panels_of(context.program, op);
  float* gradient = context.matrix(op.outputs[0]).data;
  const Bf16Size size = bf16_size(context.program, op);
  const KernelTable* kernels = &context.kernels;
  const Bf16Products* products = context.bf16;
  auto round = task([=](int worker, int workers) {
    const Share inputs = share_of_16(x.cols, worker, workers);
    kernels->bf16_transposed(x.data + inputs.begin, x.stride, x.rows, inputs.end - inputs.begin,
                             products->a() + inputs.begin * size.depth, size.depth);
    const Share part = share(size.panels(), worker, workers);
    for (std::int64_t i = part.begin; i < part.end; ++i) {
      const std::int64_t first = i * kBf16Cols;
      kernels->bf16_panel(dy.data + first, dy.stride, dy.rows,
                          std::min(padded(dy.cols) - first, kBf16Cols),
                          products->b() + first * size.depth, size.depth);
    }
  });
  return two(std::move(round),
             multiply(context, size,
                      [=, accumulate = op.accumulate](const float* from, std::int64_t row,
                                                      std::int64_t col, std::int64_t width) {
                        const std::int64_t panel = col / panels.size;
                        float* into = gradient + panels.offset(panel) + row * panels.width(panel) +
                                      col % panels.size;
                        if (accumulate) {
                          kernels->add_bias(from, into, into, width);
                        } else {
                          std::copy_n(from, width, into);
                        }
                      }));
}

}  // namespace

std::vector<std::unique_ptr<Task>> make_bf16_product(const TaskContext& context, const Op& op) {
  if (op.kind == OpKind::linear) return linear(context, op);
  if (op.kind == OpKind::linear_input_grad) return input_grad(context, op);
  return weight_grad(context, op);
}

}  // namespace minnow::cpu
