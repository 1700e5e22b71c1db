#include "tasks.h"

#include <minnow/random.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <numeric>

#include "activator.h"
#include "bf16_products.h"
#include "layout.h"
#include "task_parts.h"

namespace minnow::cpu {
namespace {

/// Which rows of the data stand at positions first..first+count-1 of the epoch. `rows` has room for
/// a multiple of 16.
void pick_rows(const StepState& state, const KernelTable& kernels, std::int64_t first,
               std::int64_t count, std::int64_t* rows) {
  if (!state.feed.shuffle) {
    std::iota(rows, rows + count, first);
    return;
  }
  const Permutation& permutation = state.permutation;
  if (2 * permutation.half_bits() > 32) {
    for (std::int64_t i = 0; i < count; ++i) {
      rows[i] = static_cast<std::int64_t>(permutation(static_cast<std::uint64_t>(first + i)));
    }
    return;
  }
  PermutedRows wanted{.size = state.feed.rows,
                      .half_bits = permutation.half_bits(),
                      .keys = {},
                      .first = first,
                      .count = count,
                      .rows = rows};
  std::copy_n(permutation.keys(), 4, wanted.keys);
  kernels.permute(wanted);
}

std::unique_ptr<Task> gather(const TaskContext& context, const Op& op) {
  const Matrix x = context.matrix(op.outputs[0]);
  const bool has_target = op.outputs.size() == 2;
  const Matrix target = has_target ? context.matrix(op.outputs[1]) : Matrix{};
  const bool labels = context.program.target_kind() == TargetKind::labels;
  const InputTransform& transform = context.program.input_transform();
  return task([=, first = op.row, state = &context.state, kernels = &context.kernels,
               offset = transform.offset, scale = transform.scale](int worker, int workers) {
    const Feed& feed = state->feed;
    const auto& source = static_cast<const CpuData&>(*feed.x);
    const auto gather = source.dtype == DType::u8 ? kernels->gather_u8 : kernels->gather_f32;
    const Share part = share(x.rows, worker, workers);
    std::array<std::int64_t, 64> rows;
    for (std::int64_t begin = part.begin; begin < part.end; begin += std::ssize(rows)) {
      const std::int64_t count = std::min(std::ssize(rows), part.end - begin);
      pick_rows(*state, *kernels, feed.position + first + begin, count, rows.data());
      gather({.data = source.data,
              .cols = x.cols,
              .rows = rows.data(),
              .count = count,
              .into = x.data + begin * x.stride,
              .ld = x.stride,
              .offset = offset.data(),
              .scale = scale.data(),
              .per_feature = offset.size() > 1});
      if (!has_target) continue;
      const void* wanted = static_cast<const CpuData&>(*feed.target).data;
      // Labels or floats; mostly one number, which is no call then.
      const std::int64_t bytes = target.cols * 4, stride = labels ? 4 : target.stride * 4;
      const auto* const from = static_cast<const std::byte*>(wanted);
      std::byte* to = reinterpret_cast<std::byte*>(target.data) + begin * stride;
      for (std::int64_t i = 0; i < count; ++i, to += stride) {
        const std::byte* const row = from + rows[static_cast<std::size_t>(i)] * bytes;
        if (target.cols == 1) {
          std::memcpy(to, row, 4);
        } else {
          std::memcpy(to, row, static_cast<std::size_t>(bytes));
        }
      }
    }
  });
}

/// kernel(row of first input, row of second input or null, row of output) for each row. Of add_bias
/// the second input has one row for all.
template <class Kernel>
std::unique_ptr<Task> by_rows(const TaskContext& context, const Op& op, Kernel kernel) {
  const Matrix a = context.matrix(op.inputs[0]);
  const Matrix b = op.inputs.size() > 1 ? context.matrix(op.inputs[1]) : Matrix{};
  const Matrix out = context.matrix(op.outputs[0]);
  const std::int64_t b_stride = op.kind == OpKind::add_bias ? 0 : b.stride;
  return task([=](int worker, int workers) {
    const Share rows = share(out.rows, worker, workers);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      kernel(a.data + row * a.stride, b.data + row * b_stride, out.data + row * out.stride);
    }
  });
}

/// First every gradient is looked at, then all weights are updated or none is.
std::vector<std::unique_ptr<Task>> update(const TaskContext& context) {
  std::vector<std::unique_ptr<Task>> tasks;
  tasks.push_back(
      task([update = context.update](int worker, int workers) { update->look(worker, workers); }));
  tasks.push_back(task([update = context.update, state = &context.state](int worker, int workers) {
    const bool updated = state->loss_finite && update->apply(worker, workers);
    state->updated[static_cast<std::size_t>(worker)] = updated ? 1 : 0;
  }));
  return tasks;
}

}  // namespace

std::vector<std::unique_ptr<Task>> make_tasks(const TaskContext& context, const Op& op) {
  if (context.bf16 != nullptr && runs_in_bf16(context.program, op)) {
    return make_bf16_product(context, op);
  }
  const KernelTable& kernels = context.kernels;
  const std::int64_t cols = op.outputs.empty() ? 0 : context.matrix(op.outputs[0]).cols;
  const std::int64_t width = padded(cols);
  switch (op.kind) {
    case OpKind::gather:
      return one(gather(context, op));
    case OpKind::linear:
      return one(make_linear(context, op));
    case OpKind::linear_input_grad:
      return one(make_linear_input_grad(context, op));
    case OpKind::linear_weight_grad:
      return one(make_linear_weight_grad(context, op));
    case OpKind::add_bias:
    case OpKind::add:
      return one(by_rows(context, op, [=, f = kernels.add_bias](auto* x, auto* b, auto* y) {
        f(x, b, y, width);
      }));
    case OpKind::bias_grad:
      return one(make_bias_grad(context, op));
    case OpKind::activate:
      return one(
          by_rows(context, op, [=, f = Activator(kernels, op.activation)](auto* x, auto*, auto* y) {
            f.value(x, y, cols, width);
          }));
    case OpKind::activate_grad:
      return one(by_rows(
          context, op, [=, f = Activator(kernels, op.activation)](auto* dy, auto* saved, auto* dx) {
            f.slope(dy, saved, dx, cols, width);
          }));
    case OpKind::softmax:
      return one(by_rows(context, op, [=, f = kernels.softmax](auto* x, auto*, auto* y) {
        f(x, y, cols, width);
      }));
    case OpKind::softmax_grad:
      return one(by_rows(context, op, [=, f = kernels.softmax_grad](auto* dy, auto* y, auto* dx) {
        f(dy, y, dx, cols, width);
      }));
    case OpKind::loss:
      return make_loss(context, op);
    case OpKind::update:
      return update(context);
  }
  return {};
}

}  // namespace minnow::cpu
