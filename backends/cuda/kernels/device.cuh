#pragma once

// What kernels share: access to matrices of either element type, sums over a warp, the last block,
// formulas by their kind.

#include <cuda_bf16.h>

#include <cstdint>

#include "kernels.h"

namespace minnow::cuda {

/// A link in the list of all kernels of this library.
struct KernelEntry {
  explicit KernelEntry(const void* kernel) : function(kernel), next(first) { first = this; }
  const void* function;
  const KernelEntry* next;
  inline static const KernelEntry* first = nullptr;
};

// An object of each kernel's: a link in the list that load_kernels() goes through, or, where g++
// compiles the kernels for the tests, the registration with their stand-in for a GPU.
#ifdef __CUDACC__
template <auto kFunction>
struct Kernel : KernelEntry {
  Kernel() : KernelEntry(reinterpret_cast<const void*>(kFunction)) {}
};
#else
template <auto kFunction>
using Kernel = fakecuda::KernelRegistration<kFunction>;
#endif

#define MINNOW_KERNEL_JOIN(a, b) a##b
#define MINNOW_KERNEL_NAME(line) MINNOW_KERNEL_JOIN(kernel_, line)
#define MINNOW_KERNEL(...) static const Kernel<&__VA_ARGS__> MINNOW_KERNEL_NAME(__LINE__)

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFFU;

struct alignas(8) Bf16x4 {
  __nv_bfloat16 value[4];
};

/// Four elements from index 4 * `group`. The branch is the same for all threads.
__device__ inline float4 load4(const void* data, bool bf16, std::int64_t group) {
  if (!bf16) return static_cast<const float4*>(data)[group];
  const Bf16x4 low = static_cast<const Bf16x4*>(data)[group];
  return {__bfloat162float(low.value[0]), __bfloat162float(low.value[1]),
          __bfloat162float(low.value[2]), __bfloat162float(low.value[3])};
}

__device__ inline void store4(void* data, bool bf16, std::int64_t group, float4 value) {
  if (!bf16) {
    static_cast<float4*>(data)[group] = value;
    return;
  }
  static_cast<Bf16x4*>(data)[group] = {{__float2bfloat16(value.x), __float2bfloat16(value.y),
                                        __float2bfloat16(value.z), __float2bfloat16(value.w)}};
}

__device__ inline float load(const Matrix& matrix, std::int64_t row, std::int64_t col) {
  const std::int64_t at = row * matrix.stride + col;
  return matrix.bf16 ? __bfloat162float(static_cast<const __nv_bfloat16*>(matrix.data)[at])
                     : static_cast<const float*>(matrix.data)[at];
}

__device__ inline void store(const Matrix& matrix, std::int64_t row, std::int64_t col,
                             float value) {
  const std::int64_t at = row * matrix.stride + col;
  if (matrix.bf16) {
    static_cast<__nv_bfloat16*>(matrix.data)[at] = __float2bfloat16(value);
  } else {
    static_cast<float*>(matrix.data)[at] = value;
  }
}

/// The sum over the lanes of a warp, in every lane; the order is always the same.
template <class T>
__device__ inline T warp_sum(T value) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(kAllLanes, value, distance);
  }
  return value;
}

/// The largest value, NaN if a lane has one.
__device__ inline float warp_max(float value) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, value, distance);
    if (!(other <= value)) value = value != value ? value : other;
  }
  return value;
}

/// f(F{}) for the struct F of `kind` in a table; false when it is not there. The branch is the same
/// for all threads.
template <class Kind, class... Fs, class F>
__device__ inline bool visit(Kind kind, TypeList<Fs...>, const F& f) {
  return ((kind == Fs::kTraits.kind && (f(Fs{}), true)) || ...);
}

/// Ends a step, by one thread.
__device__ inline void note_outcome(const StepEnd& end) {
  RunState& state = *end.state;
  end.outcomes[state.done] = {end.loss == nullptr ? 0.0F : *end.loss,
                              end.correct == nullptr ? 0 : static_cast<std::int32_t>(*end.correct)};
  ++state.done;
  state.position += static_cast<std::uint64_t>(end.batch);
}

/// Whether this block is the last of the grid to come here; what the others wrote is then visible.
/// All threads must call it. The counter is zero again afterwards.
__device__ inline bool last_block(std::uint32_t* finished_blocks) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last = atomicAdd(finished_blocks, 1U) == gridDim.x - 1;
    if (last) *finished_blocks = 0;
  }
  __syncthreads();
  if (last) __threadfence();
  return last;
}

inline unsigned blocks_for(std::int64_t count, std::int64_t per_block, std::int64_t most) {
  const std::int64_t blocks = (count + per_block - 1) / per_block;
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks > most ? most : blocks);
}

}  // namespace minnow::cuda
