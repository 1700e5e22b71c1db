// Kernels that exercise the fake: several blocks, barriers and shuffles, the last-block pattern.
#include "trial_kernels.h"

namespace minnow::cuda::trial {

template <class T>
__global__ void __launch_bounds__(64) scale(T* values, float factor, long n) {
  const long step = static_cast<long>(gridDim.x) * blockDim.x;
  for (long i = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) {
    values[i] = T(static_cast<float>(values[i]) * factor);
  }
}

__device__ inline float warp_sum(float value) {
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    value += __shfl_xor_sync(0xFFFFFFFFU, value, lanes);
  }
  return value;
}

// One sum for each block; the last block to finish adds them up.
__global__ void sum(const float* values, long n, float* partial, unsigned* finished, float* total) {
  __shared__ float warps[32];
  __shared__ bool last;
  float mine = 0.0F;
  const long step = static_cast<long>(gridDim.x) * blockDim.x;
  for (long i = static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) {
    mine += values[i];
  }
  mine = warp_sum(mine);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = mine;
  __syncthreads();
  if (threadIdx.x == 0) {
    float block = 0.0F;
    for (unsigned warp = 0; warp < blockDim.x / 32; ++warp) block += warps[warp];
    partial[blockIdx.x] = block;
    __threadfence();
    last = atomicInc(finished, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (last && threadIdx.x == 0) {
    float all = 0.0F;
    for (unsigned block = 0; block < gridDim.x; ++block) all += partial[block];
    *total = all;
  }
}

__global__ void reverse(int* values, int n) {
  MINNOW_DYNAMIC_SHARED(int, buffer);
  const int i = static_cast<int>(threadIdx.x);
  if (i < n) buffer[i] = values[i];
  __syncthreads();
  if (i < n) values[i] = buffer[n - 1 - i];
}

// Wrong on purpose: one warp stands at a barrier, the other at two different operations.
__global__ void diverge() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else if (threadIdx.x % 2 == 0) {
    __syncwarp();
  } else {
    __ballot_sync(0xFFFFFFFFU, 1);
  }
}

// Wrong on purpose: writes behind its array.
__global__ void overrun(float* values, long n) { values[n] = 1.0F; }

#ifdef __CUDACC__
void launch_scale(float* values, float factor, long n, cudaStream_t stream) {
  scale<float><<<3, 64, 0, stream>>>(values, factor, n);
}
void launch_scale(__nv_bfloat16* values, float factor, long n, cudaStream_t stream) {
  scale<__nv_bfloat16><<<3, 64, 0, stream>>>(values, factor, n);
}
void launch_sum(const float* values, long n, float* partial, unsigned* finished, float* total,
                cudaStream_t stream) {
  sum<<<kSumBlocks, 128, 0, stream>>>(values, n, partial, finished, total);
}
void launch_reverse(int* values, int n, cudaStream_t stream) {
  reverse<<<1, 256, static_cast<size_t>(n) * sizeof(int), stream>>>(values, n);
}
void launch_diverge(cudaStream_t stream) { diverge<<<1, 64, 0, stream>>>(); }
void launch_overrun(float* values, long n, cudaStream_t stream) {
  overrun<<<1, 1, 0, stream>>>(values, n);
}
void launch_unknown(cudaStream_t stream) { scale<double><<<1, 1, 0, stream>>>(nullptr, 1.0F, 0); }
void launch_too_large(cudaStream_t stream) { diverge<<<1, 2048, 0, stream>>>(); }
#else
MINNOW_FAKE_KERNEL(scale<float>);
MINNOW_FAKE_KERNEL(scale<__nv_bfloat16>);
MINNOW_FAKE_KERNEL(sum);
MINNOW_FAKE_KERNEL(reverse);
MINNOW_FAKE_KERNEL(diverge);
MINNOW_FAKE_KERNEL(overrun);
#endif

}  // namespace minnow::cuda::trial
