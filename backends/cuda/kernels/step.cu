// The end of a step: its outcome, the verdict on its gradients, and what the update needs.

#include "device.cuh"

namespace minnow::cuda {

namespace {

__device__ inline void note_outcome(RunState* state, StepOutcome* outcomes, const float* loss,
                                    const float* correct, std::int64_t batch) {
  if (loss != nullptr) {
    outcomes[state->done] = {*loss, correct == nullptr ? 0 : static_cast<std::int32_t>(*correct)};
  } else {
    outcomes[state->done] = {0.0F, 0};
  }
  ++state->done;
  state->position += static_cast<std::uint64_t>(batch);
}

// Keras takes the powers of a float32 beta in float32, PyTorch in double. From the step count and
// not from step to step: the same bits however the run is cut.
__device__ inline double power_of(double beta, std::uint64_t step, bool corrected_epsilon) {
  if (corrected_epsilon) return pow(beta, static_cast<double>(step));
  const auto rounded = static_cast<double>(static_cast<float>(beta));
  return static_cast<double>(static_cast<float>(pow(rounded, static_cast<double>(step))));
}

__device__ inline void set_rate(UpdateState* update, const UpdateConstants& constants) {
  if (!constants.adam) return;
  const std::uint64_t step = update->steps + 1;
  const double beta1 = power_of(constants.beta1, step, constants.corrected_epsilon);
  const double beta2 = power_of(constants.beta2, step, constants.corrected_epsilon);
  const double correction = sqrt(1.0 - beta2);
  update->rate =
      static_cast<float>(static_cast<double>(update->learning_rate) * correction / (1.0 - beta1));
  update->epsilon = static_cast<float>(static_cast<double>(constants.epsilon) *
                                       (constants.corrected_epsilon ? correction : 1.0));
}

}  // namespace

__global__ void finish_step(RunState* state, StepOutcome* outcomes, const float* loss,
                            const float* correct, std::int64_t batch) {
  note_outcome(state, outcomes, loss, correct, batch);
}
MINNOW_KERNEL(finish_step);

constexpr int kScanThreads = 256;

// A number times zero is zero, or NaN when it is not finite.
__global__ void __launch_bounds__(kScanThreads)
    begin_update(RunState* state, UpdateState* update, StepOutcome* outcomes, const float* loss,
                 const float* correct, std::int64_t batch, UpdateConstants constants,
                 const float* gradients, std::int64_t groups) {
  // The powers take one thread long: it starts while the others read.
  if (blockIdx.x == 0 && threadIdx.x == 0) set_rate(update, constants);
  float flag = 0;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kScanThreads;
  for (std::int64_t group = static_cast<std::int64_t>(blockIdx.x) * kScanThreads + threadIdx.x;
       group < groups; group += step) {
    const float4 g = reinterpret_cast<const float4*>(gradients)[group];
    flag += g.x * 0.0F + g.y * 0.0F + g.z * 0.0F + g.w * 0.0F;
  }
  if (!(flag == 0.0F)) atomicOr(&state->not_finite, 1U);
  if (!last_block(&state->finished_blocks) || threadIdx.x != 0) return;
  const bool finite =
      atomicOr(&state->not_finite, 0U) == 0 && (loss == nullptr || *loss * 0.0F == 0.0F);
  if (!finite || state->failed != 0) {
    state->failed = 1;
    update->apply = 0;
    return;
  }
  note_outcome(state, outcomes, loss, correct, batch);
  update->apply = 1;
  ++update->steps;
}
MINNOW_KERNEL(begin_update);

#ifdef __CUDACC__
cudaError_t launch_finish_step(RunState* state, StepOutcome* outcomes, const float* loss,
                               const float* correct, std::int64_t batch, cudaStream_t stream) {
  finish_step<<<1, 1, 0, stream>>>(state, outcomes, loss, correct, batch);
  return cudaGetLastError();
}
cudaError_t launch_begin_update(RunState* state, UpdateState* update, StepOutcome* outcomes,
                                const float* loss, const float* correct, std::int64_t batch,
                                const UpdateConstants& constants, const float* gradients,
                                std::int64_t count, cudaStream_t stream) {
  constexpr std::int64_t kMostBlocks = 512;
  begin_update<<<blocks_for(count / 4, kScanThreads * 4, kMostBlocks), kScanThreads, 0, stream>>>(
      state, update, outcomes, loss, correct, batch, constants, gradients, count / 4);
  return cudaGetLastError();
}

cudaError_t load_kernels() {
  for (const KernelEntry* entry = KernelEntry::first; entry != nullptr; entry = entry->next) {
    cudaFuncAttributes attributes{};
    const cudaError_t error = cudaFuncGetAttributes(&attributes, entry->function);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}
#endif

}  // namespace minnow::cuda
