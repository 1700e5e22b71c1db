#include "tasks.h"

#include <minnow/random.h>

#include <algorithm>
#include <cmath>

#include "bf16_products.h"
#include "layout.h"
#include "task_parts.h"

namespace minnow::cpu {
namespace {

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
    const Permutation permutation(static_cast<std::uint64_t>(feed.rows), feed.seed, feed.epoch);
    const bool per_feature = offset.size() > 1;
    const Share rows = share(x.rows, worker, workers);
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
      std::int64_t row = feed.position + first + i;
      if (feed.shuffle) {
        row = static_cast<std::int64_t>(permutation(static_cast<std::uint64_t>(row)));
      }
      float* into = x.data + i * x.stride;
      if (source.dtype == DType::u8) {
        kernels->gather_u8(static_cast<const std::uint8_t*>(source.data) + row * x.cols, into,
                           offset.data(), scale.data(), x.cols, per_feature);
      } else {
        kernels->gather_f32(static_cast<const float*>(source.data) + row * x.cols, into,
                            offset.data(), scale.data(), x.cols, per_feature);
      }
      if (!has_target) continue;
      const void* wanted = static_cast<const CpuData&>(*feed.target).data;
      if (labels) {
        reinterpret_cast<std::int32_t*>(target.data)[i] =
            static_cast<const std::int32_t*>(wanted)[row];
      } else {
        std::copy_n(static_cast<const float*>(wanted) + row * target.cols, target.cols,
                    target.data + i * target.stride);
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

/// First every gradient is looked at, then all weights are updated or none is.
std::vector<std::unique_ptr<Task>> update(const TaskContext& context, const Op& op) {
  std::vector<std::unique_ptr<Task>> tasks;
  tasks.push_back(task([kernels = &context.kernels, arena = &context.arena, state = &context.state](
                           int worker, int workers) {
    bool finite = true;
    for (std::size_t slot = 0; slot < arena->parameters().size(); ++slot) {
      const Share part = share_of_slice(arena->parameters()[slot], worker, workers);
      const float* g = arena->slice(Arena::Part::gradients, static_cast<int>(slot));
      finite = finite && kernels->all_finite(g + part.begin, part.end - part.begin);
    }
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
    for (std::size_t slot = 0; slot < arena->parameters().size(); ++slot) {
      const Share part = share_of_slice(arena->parameters()[slot], worker, workers);
      const auto at = [&](Arena::Part which) {
        float* slice = arena->slice(which, static_cast<int>(slot));
        return slice == nullptr ? nullptr : slice + part.begin;
      };
      if (kind == OpKind::sgd) {
        kernels->sgd(at(Arena::Part::parameters), at(Arena::Part::gradients),
                     at(Arena::Part::state0), part.end - part.begin, arena->learning_rate(),
                     rule.momentum);
      } else {
        kernels->adam({.p = at(Arena::Part::parameters),
                       .g = at(Arena::Part::gradients),
                       .m = at(Arena::Part::state0),
                       .v = at(Arena::Part::state1),
                       .count = part.end - part.begin,
                       .rate = static_cast<float>(rate),
                       .new_share1 = static_cast<float>(1.0 - rule.beta1),
                       .new_share2 = static_cast<float>(1.0 - rule.beta2),
                       .epsilon = static_cast<float>(epsilon)});
      }
    }
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
