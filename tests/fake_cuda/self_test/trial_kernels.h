#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>

#ifdef __CUDACC__
#define MINNOW_DYNAMIC_SHARED(type, name) extern __shared__ type name[]
#endif

namespace minnow::cuda::trial {

inline constexpr int kSumBlocks = 5;

void launch_scale(float* values, float factor, long n, cudaStream_t stream);
void launch_scale(__nv_bfloat16* values, float factor, long n, cudaStream_t stream);
void launch_sum(const float* values, long n, float* partial, unsigned* finished, float* total,
                cudaStream_t stream);
void launch_reverse(int* values, int n, cudaStream_t stream);
void launch_diverge(cudaStream_t stream);
void launch_overrun(float* values, long n, cudaStream_t stream);
void launch_unknown(cudaStream_t stream);
void launch_too_large(cudaStream_t stream);

}  // namespace minnow::cuda::trial
