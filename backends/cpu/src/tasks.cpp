#include "tasks.h"

#include <minnow/random.h>

#include <algorithm>
#include <cmath>

#include "layout.h"

namespace minnow::cpu {
namespace {

template <class Function>
class FunctionTask final : public Task {
 public:
  explicit FunctionTask(Function function) : function_(std::move(function)) {}
  void run(int worker, int workers) noexcept override { function_(worker, workers); }

 private:
  Function function_;
};

template <class Function>
std::unique_ptr<Task> task(Function function) {
  return std::make_unique<FunctionTask<Function>>(std::move(function));
}

/// Calls kernel(panel, first row, end row) for a worker's part of panels x rows.
template <class Kernel>
void for_panel_rows(std::int64_t panels, std::int64_t rows, int worker, int workers,
                    Kernel kernel) {
  Share part = share(panels * rows, worker, workers);
  while (part.begin < part.end) {
    const std::int64_t panel = part.begin / rows;
    const std::int64_t end = std::min(part.end, (panel + 1) * rows);
    kernel(panel, part.begin - panel * rows, end - panel * rows);
    part.begin = end;
  }
}

std::unique_ptr<Task> gather(const TaskContext& context, const Op& op) {
  const Matrix x = context.matrix(op.outputs[0]);
  const bool has_target = op.outputs.size() == 2;
  const Matrix target = has_target ? context.matrix(op.outputs[1]) : Matrix{};
  const bool labels = context.program.target_kind() == TargetKind::labels;
  const InputTransform& transform = context.program.input_transform();
  return task([=, state = &context.state, kernels = &context.kernels, offset = transform.offset,
               scale = transform.scale](int worker, int workers) {
    const Feed& feed = state->feed;
    const auto& source = static_cast<const CpuData&>(*feed.x);
    const Permutation permutation(static_cast<std::uint64_t>(feed.rows), feed.seed, feed.epoch);
    const bool per_feature = offset.size() > 1;
    const Share rows = share(x.rows, worker, workers);
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
      std::int64_t row = feed.position + i;
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

std::unique_ptr<Task> linear(const TaskContext& context, const Op& op) {
  const Matrix x = context.matrix(op.inputs[0]);
  const Matrix y = context.matrix(op.outputs[0]);
  const float* weight = context.matrix(op.inputs[1]).data;
  const float* bias = op.inputs.size() > 2 ? context.matrix(op.inputs[2]).data : nullptr;
  const Epilogue epilogue = bias == nullptr ? Epilogue::store
                            : op.relu       ? Epilogue::bias_relu
                                            : Epilogue::bias;
  return task(
      [=, kernels = &context.kernels, relu = op.relu && bias == nullptr](int worker, int workers) {
        for_panel_rows(panel_count(y.cols), y.rows, worker, workers,
                       [&](std::int64_t panel, std::int64_t begin, std::int64_t end) {
                         const std::int64_t width = panel_width(y.cols, panel);
                         float* into = y.data + begin * y.stride + panel * kPanel;
                         kernels->gemm({.a = x.data + begin * x.stride,
                                        .a_row = x.stride,
                                        .a_depth = 1,
                                        .b = weight + panel * kPanel * x.cols,
                                        .b_depth = width,
                                        .c = into,
                                        .c_row = y.stride,
                                        .rows = end - begin,
                                        .depth = x.cols,
                                        .width = static_cast<std::int32_t>(width),
                                        .epilogue = epilogue,
                                        .extra = bias == nullptr ? nullptr : bias + panel * kPanel,
                                        .extra_row = 0});
                         if (!relu) return;  // a ReLU without a bias has no epilogue of its own
                         for (std::int64_t row = begin; row < end; ++row, into += y.stride) {
                           kernels->relu(into, into, width);
                         }
                       });
      });
}

std::unique_ptr<Task> linear_input_grad(const TaskContext& context, const Op& op) {
  const Matrix dy = context.matrix(op.inputs[0]);
  const Matrix dx = context.matrix(op.outputs[0]);
  const float* weight = context.matrix(op.inputs[1]).data;
  const Matrix mask = op.inputs.size() > 2 ? context.matrix(op.inputs[2]) : Matrix{};
  return task([=, kernels = &context.kernels, scratch = context.scratch,
               scratch_floats = context.scratch_floats](int worker, int workers) {
    float* transposed = scratch + worker * scratch_floats;
    for_panel_rows(
        panel_count(dx.cols), dx.rows, worker, workers,
        [&](std::int64_t panel, std::int64_t begin, std::int64_t end) {
          kernels->transpose_panels(weight, dx.cols, dy.cols, panel * kPanel, transposed);
          kernels->gemm({.a = dy.data + begin * dy.stride,
                         .a_row = dy.stride,
                         .a_depth = 1,
                         .b = transposed,
                         .b_depth = kPanel,
                         .c = dx.data + begin * dx.stride + panel * kPanel,
                         .c_row = dx.stride,
                         .rows = end - begin,
                         .depth = dy.cols,
                         .width = static_cast<std::int32_t>(panel_width(dx.cols, panel)),
                         .epilogue = mask.data == nullptr ? Epilogue::store : Epilogue::mask,
                         .extra = mask.data == nullptr
                                      ? nullptr
                                      : mask.data + begin * mask.stride + panel * kPanel,
                         .extra_row = mask.stride});
        });
  });
}

std::unique_ptr<Task> linear_weight_grad(const TaskContext& context, const Op& op) {
  const Matrix dy = context.matrix(op.inputs[0]);
  const Matrix x = context.matrix(op.inputs[1]);
  float* into = context.matrix(op.outputs[0]).data;
  return task([=, kernels = &context.kernels](int worker, int workers) {
    // Cut as share_of_slice() cuts: a worker's gradients are the ones that it updates.
    for_panel_rows(panel_count(dy.cols), x.cols, worker, workers,
                   [&](std::int64_t panel, std::int64_t begin, std::int64_t end) {
                     const std::int64_t width = panel_width(dy.cols, panel);
                     kernels->gemm({.a = x.data + begin,
                                    .a_row = 1,
                                    .a_depth = x.stride,
                                    .b = dy.data + panel * kPanel,
                                    .b_depth = dy.stride,
                                    .c = into + panel * kPanel * x.cols + begin * width,
                                    .c_row = width,
                                    .rows = end - begin,
                                    .depth = x.rows,
                                    .width = static_cast<std::int32_t>(width),
                                    .epilogue = Epilogue::store,
                                    .extra = nullptr,
                                    .extra_row = 0});
                   });
  });
}

std::unique_ptr<Task> bias_grad(const TaskContext& context, const Op& op) {
  const Matrix dy = context.matrix(op.inputs[0]);
  float* into = context.matrix(op.outputs[0]).data;
  return task([=, kernels = &context.kernels](int worker, int workers) {
    const Share cols = share_of_16(padded(dy.cols), worker, workers);
    kernels->column_sums(dy.data, dy.rows, dy.stride, cols.begin, cols.end - cols.begin, into);
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

/// Sums the rows' losses in their order; worker 0 alone.
std::unique_ptr<Task> finish_loss(const TaskContext& context, double count) {
  return task([=, state = &context.state, arena = &context.arena, rule = context.program.rule(),
               loss = context.matrix(context.program.loss()).data,
               correct = context.program.correct() == kNoValue
                             ? nullptr
                             : context.matrix(context.program.correct()).data](int worker, int) {
    if (worker != 0) return;
    double total = 0;
    for (const float row : state->row_loss) total += row;
    std::int32_t right = 0;
    for (const std::int32_t row : state->row_correct) right += row;
    state->result = {.loss = static_cast<float>(total / count), .correct = right};
    *loss = state->result.loss;
    if (correct != nullptr) *correct = static_cast<float>(right);
    state->loss_finite = std::isfinite(state->result.loss);
    if (rule.state_arenas < 2) return;
    // From the step count and not from step to step: the same bits however the run is cut.
    const auto t = static_cast<double>(arena->steps() + 1);
    state->beta1_power = std::pow(static_cast<double>(rule.beta1), t);
    state->beta2_power = std::pow(static_cast<double>(rule.beta2), t);
  });
}

std::vector<std::unique_ptr<Task>> mse(const TaskContext& context, const Op& op) {
  const Matrix x = context.matrix(op.inputs[0]);
  const Matrix target = context.matrix(op.inputs[1]);
  const Matrix gradient = op.outputs.size() > 1 ? context.matrix(op.outputs[1]) : Matrix{};
  const double count = static_cast<double>(x.rows) * static_cast<double>(x.cols);
  std::vector<std::unique_ptr<Task>> tasks;
  tasks.push_back(
      task([=, state = &context.state, kernels = &context.kernels](int worker, int workers) {
        const Share rows = share(x.rows, worker, workers);
        for (std::int64_t row = rows.begin; row < rows.end; ++row) {
          state->row_loss[static_cast<std::size_t>(row)] = kernels->mse(
              x.data + row * x.stride, target.data + row * target.stride,
              gradient.data == nullptr ? nullptr : gradient.data + row * gradient.stride, x.cols,
              padded(x.cols), static_cast<float>(2.0 / count));
        }
      }));
  tasks.push_back(finish_loss(context, count));
  return tasks;
}

std::vector<std::unique_ptr<Task>> class_loss(const TaskContext& context, const Op& op) {
  const Matrix x = context.matrix(op.inputs[0]);
  const Matrix target = context.matrix(op.inputs[1]);
  const bool labels = context.program.value(op.inputs[1]).dtype == DType::i32;
  const Matrix gradient = op.outputs.size() > 2 ? context.matrix(op.outputs[2]) : Matrix{};
  const auto kernel = op.kind == OpKind::cross_entropy ? context.kernels.cross_entropy
                                                       : context.kernels.softmax_cross_entropy;
  std::vector<std::unique_ptr<Task>> tasks;
  tasks.push_back(task([=, state = &context.state](int worker, int workers) {
    const Share rows = share(x.rows, worker, workers);
    kernel({.input = x.data,
            .values = labels ? nullptr : target.data,
            .labels = labels ? reinterpret_cast<const std::int32_t*>(target.data) : nullptr,
            .gradient = gradient.data,
            .row_loss = state->row_loss.data(),
            .row_correct = state->row_correct.data(),
            .begin = rows.begin,
            .end = rows.end,
            .cols = x.cols,
            .ld = x.stride,
            .gradient_scale = 1.0F / static_cast<float>(x.rows)});
  }));
  tasks.push_back(finish_loss(context, static_cast<double>(x.rows)));
  return tasks;
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
                       .beta1 = rule.beta1,
                       .beta2 = rule.beta2,
                       .epsilon = static_cast<float>(epsilon)});
      }
    }
  }));
  return tasks;
}

std::vector<std::unique_ptr<Task>> one(std::unique_ptr<Task> only) {
  std::vector<std::unique_ptr<Task>> tasks;
  tasks.push_back(std::move(only));
  return tasks;
}

}  // namespace

std::int64_t scratch_floats(const Program& program, const Op& op) {
  if (op.kind != OpKind::linear_input_grad) return 0;
  return kPanel * padded(program.value(op.inputs[0]).cols);
}

std::vector<std::unique_ptr<Task>> make_tasks(const TaskContext& context, const Op& op) {
  const KernelTable& kernels = context.kernels;
  const std::int64_t cols = op.outputs.empty() ? 0 : context.matrix(op.outputs[0]).cols;
  const std::int64_t width = padded(cols);
  switch (op.kind) {
    case OpKind::gather:
      return one(gather(context, op));
    case OpKind::linear:
      return one(linear(context, op));
    case OpKind::linear_input_grad:
      return one(linear_input_grad(context, op));
    case OpKind::linear_weight_grad:
      return one(linear_weight_grad(context, op));
    case OpKind::bias_grad:
      return one(bias_grad(context, op));
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
      return mse(context, op);
    case OpKind::cross_entropy:
    case OpKind::softmax_cross_entropy:
      return class_loss(context, op);
    case OpKind::adam:
    case OpKind::sgd:
      return update(context, op);
  }
  return {};
}

}  // namespace minnow::cpu
