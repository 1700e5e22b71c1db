#include "cuda_executable.h"

#include <minnow/base/environment.h>
#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

#include "bfloat16.h"
#include "cuda_data.h"
#include "layout.h"
#include "not_finite_update.h"
#include "read_matrix.h"

namespace minnow::cuda {
namespace {

constexpr std::size_t kReset = sizeof(RunState) - offsetof(RunState, done);

}  // namespace

CudaExecutable::CudaExecutable(const Program& program, CudaArena& arena,
                               std::shared_ptr<Context> context)
    : program_(program),
      arena_(arena),
      context_(std::move(context)),
      storage_(program_, context_->precision(), kMaxSteps),
      checked_(setting("MINNOW_CHECKED") == "1") {
  results_.resize(static_cast<std::size_t>(kMaxSteps));
  context_->guarded(cat("compiling a program of ", program_.batch(), " rows"), [&] {
    allocate();
    const auto lock = context_->compiling();
    make_launches();
  });
}

void CudaExecutable::allocate() {
  const cudaStream_t stream = context_->stream();
  auto reserved =
      context_->budget().reserve(storage_.plan(), cat("a program of ", program_.batch(), " rows"));
  memory_ = DeviceMemory(storage_.bytes);
  reserved_ = std::move(reserved);
  check(cudaMemsetAsync(memory_.as<void>(), 0, static_cast<std::size_t>(storage_.bytes), stream),
        "cudaMemsetAsync");
  const LoweringContext at = lowering();
  const InputTransform& transform = program_.input_transform();
  const auto copy = [&](std::int64_t offset, const std::vector<float>& values) {
    check(cudaMemcpyAsync(at.at<float>(offset), values.data(), values.size() * 4,
                          cudaMemcpyHostToDevice, stream),
          "cudaMemcpyAsync");
  };
  copy(storage_.offset, transform.offset);
  copy(storage_.scale, transform.scale);
  const std::int64_t host_bytes = storage_.bytes - storage_.run_state;
  try {
    pinned_ = PinnedMemory(host_bytes);
    host_ = pinned_.as<std::byte>();
  } catch (const CallFailure& failure) {
    if (failure.kind == CallFailure::Kind::lost) throw;
    pageable_.resize(static_cast<std::size_t>(host_bytes));  // slower, and it works
    host_ = pageable_.data();
  }
  for (Event* event : {&started_, &ended_}) check(cudaEventCreate(event->out()), "cudaEventCreate");
}

// As one captured graph, or else launch by launch.
void CudaExecutable::make_launches() {
  if (checked_) {
    graph_refusal_ = "MINNOW_CHECKED=1 asks for one operation at a time";
  } else {
    lowered_ = lower(lowering(), Style::fused);
    context_->synchronize();
    graph_ = StepGraph::capture(lowered_.launches, graph_refusal_);
    if (graph_) return;
  }
  lowered_ = lower(lowering(), Style::plain);
  context_->synchronize();
}

Lowered CudaExecutable::lower_plain() const {
  const auto lock = context_->compiling();
  return lower(lowering(), Style::plain);
}

LoweringContext CudaExecutable::lowering() const {
  return {*context_, program_, arena_, storage_, memory_.as<std::byte>()};
}

void CudaExecutable::bind(const Feed& feed) {
  context_->guarded("binding data", [&] {
    RunState state{};
    state.x = feed.x == nullptr ? nullptr : static_cast<const CudaData*>(feed.x)->data();
    state.target =
        feed.target == nullptr ? nullptr : static_cast<const CudaData*>(feed.target)->data();
    state.rows = static_cast<std::uint64_t>(feed.rows);
    state.position = static_cast<std::uint64_t>(feed.position);
    state.seed = feed.seed;
    state.epoch = feed.epoch;
    state.shuffle = feed.shuffle ? 1 : 0;
    // From pageable memory: read before the call returns, and small enough not to wait.
    check(cudaMemcpyAsync(lowering().at<RunState>(storage_.run_state), &state,
                          offsetof(RunState, done), cudaMemcpyHostToDevice, context_->stream()),
          "cudaMemcpyAsync");
  });
}

void CudaExecutable::write(ValueId id, std::span<const float> values) {
  context_->guarded("writing an input", [&] {
    const Matrix to = lowering().matrix(id);
    const bool labels = program_.value(id).dtype == DType::i32;
    const std::size_t size = to.bf16 ? 2 : 4;
    std::vector<std::byte> converted(values.size() * size);
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::byte* at = converted.data() + i * size;
      if (labels) {
        const auto label = static_cast<std::int32_t>(values[i]);
        std::memcpy(at, &label, size);
      } else if (to.bf16) {
        const std::uint16_t rounded = to_bfloat16(values[i]);
        std::memcpy(at, &rounded, size);
      } else {
        std::memcpy(at, &values[i], size);
      }
    }
    const std::size_t width = static_cast<std::size_t>(to.cols) * size;
    const std::size_t pitch = labels ? width : static_cast<std::size_t>(to.stride) * size;
    check(cudaMemcpy2DAsync(to.data, pitch, converted.data(), width, width,
                            static_cast<std::size_t>(to.rows), cudaMemcpyHostToDevice,
                            context_->stream()),
          "cudaMemcpy2DAsync");
    context_->synchronize();
  });
}

void CudaExecutable::read(ValueId id, std::span<float> values) const {
  context_->guarded("reading a result",
                    [&] { read_matrix(lowering().matrix(id), values, context_->stream()); });
}

void CudaExecutable::run(std::int64_t steps) {
  const std::int64_t count = std::min(steps, kMaxSteps - pending_);
  if (count <= 0) return;
  context_->guarded("starting steps", [&] {
    if (pending_ == 0) {
      auto* state = lowering().at<RunState>(storage_.run_state);
      check(cudaMemsetAsync(&state->done, 0, kReset, context_->stream()), "cudaMemsetAsync");
      check(cudaEventRecord(started_.get(), context_->stream()), "cudaEventRecord");
    }
    pending_ += count;
    start(count);
  });
}

void CudaExecutable::start(std::int64_t steps) {
  if (graph_) {
    if (graph_->unrolls(steps)) {
      const auto lock = context_->compiling();
      graph_->unroll();
    }
    graph_->launch(steps, context_->stream());
    return;
  }
  for (std::int64_t step = 0; step < steps; ++step) launch_each(lowered_.launches, checked_);
}

void CudaExecutable::launch_each(const std::vector<Launch>& launches, bool checked) const {
  for (const Launch& launch : launches) {
    try {
      launch.run(context_->stream());
      if (checked) context_->synchronize();
    } catch (const CallFailure& failure) {
      const Op& op = program_.ops()[static_cast<std::size_t>(launch.op)];
      context_->fail(failure, cat("running ", program_.describe(op)));
    }
  }
}

std::span<const StepResult> CudaExecutable::wait() {
  const std::int64_t submitted = std::exchange(pending_, 0);
  device_seconds_ = 0;
  if (submitted == 0) return {};
  try {
    context_->guarded("running steps", [&] {
      check(cudaEventRecord(ended_.get(), context_->stream()), "cudaEventRecord");
      // The outcomes follow the state.
      const std::int64_t bytes = storage_.outcomes - storage_.run_state +
                                 submitted * static_cast<std::int64_t>(sizeof(StepOutcome));
      check(cudaMemcpyAsync(host_, memory_.as<std::byte>() + storage_.run_state,
                            static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost,
                            context_->stream()),
            "cudaMemcpyAsync");
      context_->synchronize();
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, started_.get(), ended_.get()),
            "cudaEventElapsedTime");
      device_seconds_ = static_cast<double>(milliseconds) * 1e-3;
    });
  } catch (const DeviceError& error) {
    if (error.lost()) throw;
    // The device still works: a step that is run op by op may show which of them it was.
    const std::string op = failing_op();
    if (op.empty()) throw;
    throw DeviceError(
        {.code = error.code(),
         .what = cat(context_->info().name, " refused a call while running ", op, "."),
         .evidence = error.evidence(),
         .remedy = error.remedy(),
         .effect = error.effect()},
        error.call(), error.status(), false);
  }
  collect();
  RunState state;
  std::memcpy(&state, host_, sizeof state);
  if (state.failed != 0) throw_not_finite();
  return {results_.data(), state.done};
}

void CudaExecutable::collect() {
  RunState state;
  std::memcpy(&state, host_, sizeof state);
  const std::byte* outcomes = host_ + (storage_.outcomes - storage_.run_state);
  for (std::uint32_t step = 0; step < state.done; ++step) {
    StepOutcome outcome;
    std::memcpy(&outcome, outcomes + step * sizeof outcome, sizeof outcome);
    results_[step] = {.loss = outcome.loss, .correct = outcome.correct};
  }
  if (program_.updates() && state.done > 0)
    arena_.note_steps(state.done, results_[state.done - 1].loss);
}

std::string CudaExecutable::first_not_finite(const Op& op) const {
  for (const ValueId id : op.outputs) {
    if (program_.value(id).dtype != DType::f32) continue;
    // Until its last slice it holds what the step that failed left there.
    if (program_.value(id).kind == ValueKind::result && !program_.ends_batch(op)) continue;
    for (const float value : read_matrix(lowering().matrix(id), context_->stream())) {
      if (std::isfinite(value)) continue;
      return cat(program_.describe(op, id), " (", std::isnan(value) ? "nan" : cat(value), ")");
    }
  }
  return "";
}

// The step changed no weight and did not move the position, so it can be run again, op by op, until
// the first number that is not finite shows up.
void CudaExecutable::throw_not_finite() {
  std::string where;
  context_->guarded("looking for the first value that is not finite", [&] {
    const Lowered plain = lower_plain();
    for (std::size_t i = 0; i < plain.launches.size(); ++i) {
      const Launch& launch = plain.launches[i];
      const Op& op = program_.ops()[static_cast<std::size_t>(launch.op)];
      if (is_update(op.kind)) continue;
      launch.run(context_->stream());
      const bool last_of_op =
          i + 1 == plain.launches.size() || plain.launches[i + 1].op != launch.op;
      const std::string found = last_of_op ? first_not_finite(op) : "";
      if (found.empty()) continue;
      where = found;
      break;
    }
    if (where.empty()) where = not_finite_update(program_, arena_);
  });
  minnow::throw_not_finite(where, arena_.steps() + 1, arena_.last_loss(), arena_.learning_rate());
}

std::string CudaExecutable::failing_op() {
  const Op* running = nullptr;
  try {
    const Lowered plain = lower_plain();
    for (const Launch& launch : plain.launches) {
      const Op& op = program_.ops()[static_cast<std::size_t>(launch.op)];
      if (is_update(op.kind)) continue;  // the weights are not to change again
      running = &op;
      launch.run(context_->stream());
      context_->synchronize();
    }
  } catch (const CallFailure&) {
    return running == nullptr ? "" : program_.describe(*running);
  }
  return "";
}

std::string CudaExecutable::explain() const {
  std::string text = cat(context_->info().name, ": ", graph_ ? "captured graph" : "plain stream",
                         ", ", name_of(context_->precision()));
  if (graph_) {
    const std::int64_t most = graph_->most_steps();
    text += cat(", ", graph_->nodes_per_step(), " nodes per step, ", most == 1 ? "" : "up to ",
                most, most == 1 ? " step" : " steps", " per launch");
  }
  text += '\n';
  if (!graph_) text += cat("  not as a captured graph: ", graph_refusal_, "\n");
  text += program_.list([this](std::size_t i) { return cat("  (", lowered_.how[i], ")"); });
  if (host_ == pageable_.data())
    text += "  results come through pageable memory: pinned memory could not be had\n";
  return text;
}

}  // namespace minnow::cuda
