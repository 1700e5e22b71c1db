#include "tasks.h"

#include <minnow/random.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <iterator>
#include <numeric>

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

/// kernel(row of first input, row of second input or null, row of output) for each row.
template <class Kernel>
std::unique_ptr<Task> by_rows(const TaskContext& context, const Op& op, Kernel kernel) {
  const Matrix a = context.matrix(op.inputs[0]);
  const Matrix b = op.inputs.size() > 1 ? context.matrix(op.inputs[1]) : Matrix{};
  const Matrix out = context.matrix(op.outputs[0]);
  return task([=](int worker, int workers) {
    const Share rows = share(out.rows, worker, workers);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      // A bias has one row: stride 0 keeps to it.
      kernel(a.data + row * a.stride, b.data + row * (b.rows == 1 ? 0 : b.stride),
             out.data + row * out.stride);
    }
  });
}

/// Calls f(first float, floats) for a worker's part of all slices: that which it made gradients of.
template <class Function>
void for_owned(const CpuArena& arena, int worker, int workers, Function f) {
  if (workers == 1) return f(std::int64_t{0}, arena.floats());
  for (std::size_t slot = 0; slot < arena.parameters().size(); ++slot) {
    const Share part = share_of_slice(arena.parameters()[slot], worker, workers);
    f(arena.offset(static_cast<int>(slot)) + part.begin, part.end - part.begin);
  }
}

/// First every gradient is looked at, then all weights are updated or none is.
std::vector<std::unique_ptr<Task>> update(const TaskContext& context, const Op& op) {
  std::vector<std::unique_ptr<Task>> tasks;
  tasks.push_back(task([kernels = &context.kernels, arena = &context.arena, state = &context.state](
                           int worker, int workers) {
    bool finite = true;
    const float* g = arena->all(Arena::Part::gradients);
    for_owned(*arena, worker, workers, [&](std::int64_t begin, std::int64_t count) {
      finite = finite && kernels->all_finite(g + begin, count);
    });
    state->gradients_finite[static_cast<std::size_t>(worker)] = finite ? 1 : 0;
  }));
  tasks.push_back(task([kernels = &context.kernels, arena = &context.arena, state = &context.state,
                        rule = context.program.rule(), kind = op.kind](int worker, int workers) {
    if (!state->loss_finite) return;
    for (int other = 0; other < workers; ++other) {
      if (state->gradients_finite[static_cast<std::size_t>(other)] == 0) return;
    }
    const double correction = std::sqrt(1.0 - state->beta2_power);
    const double rate = arena->learning_rate() * correction / (1.0 - state->beta1_power);
    const double epsilon = rule.epsilon * (rule.corrected_epsilon ? correction : 1.0);
    float* p = arena->all(Arena::Part::parameters);
    const float* g = arena->all(Arena::Part::gradients);
    float* state0 = arena->all(Arena::Part::state0);
    float* state1 = arena->all(Arena::Part::state1);
    for_owned(*arena, worker, workers, [&](std::int64_t begin, std::int64_t count) {
      if (kind == OpKind::sgd) {
        kernels->sgd(p + begin, g + begin, state0 == nullptr ? nullptr : state0 + begin, count,
                     arena->learning_rate(), rule.momentum);
        return;
      }
      kernels->adam({.p = p + begin,
                     .g = g + begin,
                     .m = state0 + begin,
                     .v = state1 + begin,
                     .count = count,
                     .rate = static_cast<float>(rate),
                     .new_share1 = static_cast<float>(1.0 - rule.beta1),
                     .new_share2 = static_cast<float>(1.0 - rule.beta2),
                     .epsilon = static_cast<float>(epsilon),
                     .approximate = rule.approximate});
    });
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
    case OpKind::bias_grad:
      return one(make_bias_grad(context, op));
    case OpKind::add_bias:
      return one(by_rows(context, op, [=, f = kernels.add_bias](auto* x, auto* b, auto* y) {
        f(x, b, y, width);
      }));
    case OpKind::relu:
      return one(
          by_rows(context, op, [=, f = kernels.relu](auto* x, auto*, auto* y) { f(x, y, width); }));
    case OpKind::softmax:
      return one(by_rows(context, op, [=, f = kernels.softmax](auto* x, auto*, auto* y) {
        f(x, y, cols, width);
      }));
    case OpKind::relu_grad:
      return one(by_rows(context, op, [=, f = kernels.relu_grad](auto* dy, auto* y, auto* dx) {
        f(dy, y, dx, width);
      }));
    case OpKind::softmax_grad:
      return one(by_rows(context, op, [=, f = kernels.softmax_grad](auto* dy, auto* y, auto* dx) {
        f(dy, y, dx, cols, width);
      }));
    case OpKind::mse:
      return make_mse(context, op);
    case OpKind::cross_entropy:
    case OpKind::softmax_cross_entropy:
      return make_class_loss(context, op);
    case OpKind::adam:
    case OpKind::sgd:
      return update(context, op);
  }
  return {};
}

}  // namespace minnow::cpu
