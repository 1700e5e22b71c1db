#include "cuda_arena.h"

#include <minnow/base/text.h>
#include <minnow/error.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "bfloat16.h"
#include "layout.h"
#include "read_matrix.h"

namespace minnow::cuda {

MemoryPlan CudaArena::plan(const std::vector<ParameterSpec>& parameters, int state_arenas,
                           Precision precision) {
  const std::int64_t elements = ArenaLayout(parameters).elements;
  const std::int64_t low = precision == Precision::bf16 ? device_bytes(elements * 2) : 0;
  const auto state = static_cast<std::int64_t>(sizeof(UpdateState));
  return {.parameters = elements * 4 + low,
          .gradients = elements * 4,
          .optimizer = elements * 4 * state_arenas + device_bytes(state)};
}

CudaArena::CudaArena(std::shared_ptr<Context> context, const std::vector<ParameterSpec>& parameters,
                     int state_arenas)
    : context_(std::move(context)),
      parameters_(parameters),
      layout_(parameters),
      state_arenas_(state_arenas) {
  constexpr const char* kWhat = "the parameters, gradients and optimizer state";
  context_->guarded(kWhat, [&] {
    auto reserved =
        context_->budget().reserve(plan(parameters, state_arenas, context_->precision()), kWhat);
    const std::int64_t bytes = layout_.elements * 4 * (2 + state_arenas_);
    const cudaStream_t stream = context_->stream();
    // Zero in the padding, and zero it stays: products write inside, the update keeps zeros.
    const auto make = [&](std::int64_t size) {
      DeviceMemory memory(size);
      if (size > 0) {
        check(cudaMemsetAsync(memory.as<void>(), 0, static_cast<std::size_t>(size), stream),
              "cudaMemsetAsync");
      }
      return memory;
    };
    // All or nothing: what is held when one of them fails goes into the message.
    DeviceMemory memory = make(bytes);
    DeviceMemory low = make(context_->precision() == Precision::bf16 ? layout_.elements * 2 : 0);
    state_ = make(sizeof(UpdateState));
    memory_ = std::move(memory);
    low_ = std::move(low);
    reserved_ = std::move(reserved);
  });
}

float* CudaArena::part(Part part) const noexcept {
  const int index = static_cast<int>(part);
  return index < 2 + state_arenas_ ? memory_.as<float>() + index * layout_.elements : nullptr;
}

Matrix CudaArena::matrix(Part which, int slot, bool low) const noexcept {
  const ParameterSpec& spec = parameters_[static_cast<std::size_t>(slot)];
  const std::int64_t offset = layout_.offsets[static_cast<std::size_t>(slot)];
  void* data = low ? static_cast<void*>(low_.as<std::uint16_t>() + offset)
                   : static_cast<void*>(part(which) + offset);
  return {data, spec.rows, spec.cols, padded(spec.cols), low};
}

// The device raises the bounds, too: they are read first.
void CudaArena::raise_bound(Part which, std::span<const float> values) {
  const cudaStream_t stream = context_->stream();
  Magnitudes bounds;
  check(cudaMemcpyAsync(&bounds, &state()->largest, sizeof bounds, cudaMemcpyDeviceToHost, stream),
        "cudaMemcpyAsync");
  context_->synchronize();
  double& bound = which == Part::parameters ? bounds.parameter
                  : which == Part::state0   ? bounds.state[0]
                                            : bounds.state[1];
  for (const float value : values) {
    const double size = std::abs(static_cast<double>(value));
    if (size <= bound) continue;
    bound = std::isnan(size) ? std::numeric_limits<double>::infinity() : size;
  }
  check(cudaMemcpyAsync(&state()->largest, &bounds, sizeof bounds, cudaMemcpyHostToDevice, stream),
        "cudaMemcpyAsync");
}

void CudaArena::write(Part which, int slot, std::span<const float> values) {
  context_->guarded("writing weights", [&] {
    if (which != Part::gradients) raise_bound(which, values);
    const Matrix to = matrix(which, slot, false);
    const cudaStream_t stream = context_->stream();
    const auto rows = static_cast<std::size_t>(to.rows);
    const auto cols = static_cast<std::size_t>(to.cols);
    const auto stride = static_cast<std::size_t>(to.stride);
    check(cudaMemcpy2DAsync(to.data, stride * 4, values.data(), cols * 4, cols * 4, rows,
                            cudaMemcpyHostToDevice, stream),
          "cudaMemcpy2DAsync");
    std::vector<std::uint16_t> rounded;
    if (which == Part::parameters && low_.bytes() > 0) {
      rounded.reserve(values.size());
      for (const float value : values) rounded.push_back(to_bfloat16(value));
      check(cudaMemcpy2DAsync(matrix(which, slot, true).data, stride * 2, rounded.data(), cols * 2,
                              cols * 2, rows, cudaMemcpyHostToDevice, stream),
            "cudaMemcpy2DAsync");
    }
    context_->synchronize();
  });
}

void CudaArena::read(Part which, int slot, std::span<float> values) const {
  context_->guarded("reading weights",
                    [&] { read_matrix(matrix(which, slot, false), values, context_->stream()); });
}

void CudaArena::set_steps(std::int64_t steps) {
  context_->guarded("setting the step count", [&] {
    const auto count = static_cast<std::uint64_t>(steps);
    check(cudaMemcpyAsync(&state()->steps, &count, sizeof count, cudaMemcpyHostToDevice,
                          context_->stream()),
          "cudaMemcpyAsync");
    context_->synchronize();
  });
  steps_ = steps;
}

void CudaArena::set_learning_rate(float rate) {
  context_->guarded("setting the learning rate", [&] {
    check(cudaMemcpyAsync(&state()->learning_rate, &rate, sizeof rate, cudaMemcpyHostToDevice,
                          context_->stream()),
          "cudaMemcpyAsync");
    context_->synchronize();
  });
  rate_ = rate;
}

void CudaArena::note_steps(std::int64_t done, float last_loss) noexcept {
  if (done == 0) return;
  steps_ += done;
  last_loss_ = last_loss;
}

}  // namespace minnow::cuda
