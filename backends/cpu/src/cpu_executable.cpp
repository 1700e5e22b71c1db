#include "cpu_executable.h"

#include <minnow/base/block_layout.h>
#include <minnow/base/host_block.h>
#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "float_mode.h"
#include "layout.h"

namespace minnow::cpu {
namespace {

std::int64_t most_scratch(const Program& program, bool bf16) {
  std::int64_t floats = 0;
  for (const Op& op : program.ops()) {
    if (bf16 && runs_in_bf16(program, op)) continue;  // has a workspace of its own
    floats = std::max(floats, scratch_floats(program, op));
  }
  return floats;
}

/// "inf" or "nan", the first number of a matrix that is not finite; empty when all are.
std::string first_not_finite(const float* data, std::int64_t rows, std::int64_t cols,
                             std::int64_t stride) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t col = 0; col < cols; ++col) {
      const float value = data[row * stride + col];
      if (!std::isfinite(value)) return std::isnan(value) ? "nan" : cat(value);
    }
  }
  return "";
}

/// An executable's block of memory: byte offsets of its parts. The activations come first.
struct Parts {
  Parts(const Program& program, std::int64_t activation_bytes, int workers, std::int64_t steps,
        const OnednnPlugin* onednn) {
    BlockLayout layout(64);
    layout.add(activation_bytes);
    scratch = layout.add(workers * most_scratch(program, onednn != nullptr) * 4);
    row_loss = layout.add(program.batch() * 4);
    row_correct = layout.add(program.batch() * 4);
    results = layout.add(steps * static_cast<std::int64_t>(sizeof(StepResult)));
    if (onednn != nullptr) {
      bf16 = layout.add(Bf16Products::layout(*onednn, program, workers).bytes);
    }
    bytes = layout.bytes();
  }

  std::int64_t scratch;
  std::int64_t row_loss;
  std::int64_t row_correct;
  std::int64_t results;
  std::int64_t bf16 = 0;
  std::int64_t bytes;
};

}  // namespace

MemoryPlan CpuExecutable::plan(const Program& program, int workers, const OnednnPlugin* onednn) {
  const std::int64_t activations = plan_activations(program, activation_bytes).bytes;
  const Parts parts(program, activations, workers, kMaxSteps, onednn);
  return {.activations = activations, .workspace = parts.bytes - activations};
}

CpuExecutable::CpuExecutable(const Program& program, CpuArena& arena, const KernelTable& kernels,
                             std::shared_ptr<ThreadPool> pool, const OnednnPlugin* onednn,
                             MemoryBudget::Reservation reserved)
    : program_(program),
      arena_(arena),
      kernels_(kernels),
      pool_(std::move(pool)),
      workers_(worthwhile_workers(program, pool_->size())),
      choice_(workers_),
      reserved_(std::move(reserved)) {
  const ActivationPlan activations = plan_activations(program_, activation_bytes);
  const Parts parts(program_, activations.bytes, workers_, kMaxSteps, onednn);
  memory_ = allocate_host(parts.bytes, cat("a program of ", program_.batch(), " rows"));
  const auto at = [&](std::int64_t offset) {
    return reinterpret_cast<float*>(memory_.get() + offset);
  };
  for (std::size_t id = 0; id < program_.values().size(); ++id) {
    const Value& value = program_.values()[id];
    float* data = activations.offsets[id] < 0 ? nullptr : at(activations.offsets[id]);
    if (value.kind == ValueKind::parameter) {
      data = arena.slice(Arena::Part::parameters, value.slot);
    } else if (value.kind == ValueKind::gradient) {
      data = arena.slice(Arena::Part::gradients, value.slot);
    }
    matrices_.push_back({data, value.rows, value.cols, activation_stride(value.cols)});
  }
  const auto rows = static_cast<std::size_t>(program_.batch());
  state_.row_loss = {at(parts.row_loss), rows};
  state_.row_correct = {reinterpret_cast<std::int32_t*>(at(parts.row_correct)), rows};
  state_.updated.assign(static_cast<std::size_t>(workers_), 0);
  if (program_.updates()) {
    update_ = make_update(program_.rule(), kernels_, arena_, workers_);
  }
  results_ = reinterpret_cast<StepResult*>(at(parts.results));
  if (onednn != nullptr) {
    bf16_ = std::make_unique<Bf16Products>(*onednn, program_, workers_, memory_.get() + parts.bf16);
  }
  schedule_ = make_schedule({.program = program_,
                             .kernels = kernels_,
                             .arena = arena_,
                             .state = state_,
                             .matrices = matrices_,
                             .scratch = at(parts.scratch),
                             .scratch_floats = most_scratch(program_, bf16_ != nullptr),
                             .update = update_.get(),
                             .bf16 = bf16_.get()});
}

void CpuExecutable::bind(const Feed& feed) {
  state_.feed = feed;
  state_.permutation = Permutation(static_cast<std::uint64_t>(feed.rows), feed.seed, feed.epoch);
}

void CpuExecutable::write(ValueId id, std::span<const float> values) {
  const Matrix& matrix = matrices_[static_cast<std::size_t>(id)];
  const bool labels = program_.value(id).dtype == DType::i32;
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    const float* from = values.data() + row * matrix.cols;
    if (labels) {
      reinterpret_cast<std::int32_t*>(matrix.data)[row] = static_cast<std::int32_t>(*from);
    } else {
      std::copy_n(from, matrix.cols, matrix.data + row * matrix.stride);
    }
  }
}

void CpuExecutable::read(ValueId id, std::span<float> values) const {
  const Matrix& matrix = matrices_[static_cast<std::size_t>(id)];
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    std::copy_n(matrix.data + row * matrix.stride, matrix.cols, values.data() + row * matrix.cols);
  }
}

void CpuExecutable::run(std::int64_t steps) {
  using Clock = std::chrono::steady_clock;
  std::int64_t left = std::min(steps, kMaxSteps - pending_);
  while (left > 0 && !failed_) {
    const WorkerChoice::Burst burst = choice_.next(left);
    requested_ = burst.steps;
    const std::int64_t before = pending_;
    const auto start = Clock::now();
    pool_->run(burst.workers, *this);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (pending_ - before == burst.steps) choice_.took(burst, seconds);
    running_seconds_ += seconds;
    if (std::exchange(undecided_, false)) resolve_step();
    left -= pending_ - before;
  }
}

void CpuExecutable::run(int worker, int workers, Barrier* barrier) noexcept {
  for (std::int64_t step = 0; step < requested_; ++step) {
    for (const ScheduledTask& scheduled : schedule_) {
      if (scheduled.barrier && barrier != nullptr) barrier->arrive_and_wait();
      scheduled.task->run(worker, workers);
    }
    // All workers come to the same answer.
    if (update_ != nullptr && state_.updated[static_cast<std::size_t>(worker)] == 0) {
      if (worker == 0) undecided_ = true;
      return;
    }
    if (worker == 0) finish_step();
  }
}

// The workers could not tell that the update leaves every number finite.
void CpuExecutable::resolve_step() noexcept {
  const FlushDenormals flush;
  if (state_.loss_finite && update_->resolve()) {
    finish_step();
  } else {
    failed_ = true;
  }
}

void CpuExecutable::finish_step() noexcept {
  results_[pending_++] = state_.result;
  state_.feed.position += program_.batch();
  if (update_ == nullptr) return;
  update_->finish_step();
  arena_.set_last_loss(state_.result.loss);
}

std::span<const StepResult> CpuExecutable::wait() {
  const auto done = static_cast<std::size_t>(pending_);
  pending_ = 0;
  device_seconds_ = std::exchange(running_seconds_, 0.0);
  const bool failed = std::exchange(failed_, false);
  if (bf16_ != nullptr) bf16_->throw_failure();
  if (failed) throw_not_finite();
  return {results_, done};
}

// The step changed no weight, so it can be run again, op by op, until the first number that is not
// finite shows up.
void CpuExecutable::throw_not_finite() {
  const FlushDenormals flush;
  std::string where;
  for (std::size_t i = 0; i < schedule_.size(); ++i) {
    const ScheduledTask& scheduled = schedule_[i];
    const Op& op = program_.ops()[static_cast<std::size_t>(scheduled.op)];
    scheduled.task->run(0, 1);
    // Until the last of its tasks an op's outputs hold what other values left in their memory.
    if (i + 1 < schedule_.size() && schedule_[i + 1].op == scheduled.op) continue;
    std::string found;
    for (const ValueId id : op.outputs) {
      const Value& value = program_.value(id);
      if (value.dtype != DType::f32) continue;
      // Until its last slice it holds what the step that failed left there.
      if (value.kind == ValueKind::result && !program_.ends_batch(op)) continue;
      const Matrix& matrix = matrices_[static_cast<std::size_t>(id)];
      if (value.kind == ValueKind::gradient) {
        const auto& spec = program_.parameters()[static_cast<std::size_t>(value.slot)];
        found = first_not_finite(matrix.data, 1, slice_floats(spec), 0);
      } else {
        found = first_not_finite(matrix.data, matrix.rows, matrix.cols, matrix.stride);
      }
      if (found.empty()) continue;
      where = cat(program_.describe(op, id), " (", found, ")");
      break;
    }
    if (!found.empty()) break;
  }
  if (where.empty()) where = update_->first_not_finite();
  minnow::throw_not_finite(where, arena_.steps() + 1, arena_.last_loss(), arena_.learning_rate());
}

std::string CpuExecutable::explain() const {
  std::string text = cat("cpu: ", kernels_.isa, ", tile ", kernels_.tile_rows, "x32, ", workers_,
                         " of ", pool_->size(), " threads",
                         workers_ < pool_->size() ? " (the step is too short to share)" : "",
                         bf16_ == nullptr ? "" : cat(", bf16 by ", bf16_->version()), "\n");
  return text + program_.list([this](std::size_t i) -> std::string {
    const Op& op = program_.ops()[i];
    if (bf16_ != nullptr && runs_in_bf16(program_, op)) {
      return cat("  (bf16 factors: oneDNN, ", bf16_->implementation(program_, op), ")");
    }
    const bool eigen = runs_on_eigen(program_, op);
    const bool small = bf16_ != nullptr && is_product(op.kind);
    return cat(eigen ? "  (Eigen: the weight is larger than the caches)" : "",
               small ? "  (fp32: a side is under 32)" : "");
  });
}

}  // namespace minnow::cpu
