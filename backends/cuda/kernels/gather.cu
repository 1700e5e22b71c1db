// A batch from the data set: permuted, converted to float, scaled.

#include <minnow/random.h>

#include "device.cuh"

namespace minnow::cuda {

namespace {

__device__ inline float4 load_source4(const void* row, bool from_u8, std::int64_t group) {
  if (!from_u8) return static_cast<const float4*>(row)[group];
  const uchar4 bytes = static_cast<const uchar4*>(row)[group];
  return {static_cast<float>(bytes.x), static_cast<float>(bytes.y), static_cast<float>(bytes.z),
          static_cast<float>(bytes.w)};
}

__device__ inline float load_source(const void* row, bool from_u8, std::int64_t col) {
  return from_u8 ? static_cast<float>(static_cast<const std::uint8_t*>(row)[col])
                 : static_cast<const float*>(row)[col];
}

}  // namespace

constexpr int kGatherThreads = 128;

// One block for each row.
__global__ void __launch_bounds__(kGatherThreads) gather(const RunState* state, Gather job) {
  __shared__ std::uint64_t source_row;
  const std::int64_t row = blockIdx.x;
  if (threadIdx.x == 0) {
    const std::uint64_t position = state->position + static_cast<std::uint64_t>(job.row + row);
    source_row = state->shuffle != 0 ? Permutation(state->rows, state->seed, state->epoch)(position)
                                     : position;
  }
  __syncthreads();
  const auto from = static_cast<std::int64_t>(source_row);
  const std::int64_t cols = job.x.cols;
  const auto* bytes = static_cast<const std::uint8_t*>(state->x);
  const void* source = bytes + from * cols * (job.from_u8 ? 1 : 4);
  // The data set's rows are dense: four elements at a time only where every row starts at four.
  const std::int64_t groups = cols % 4 == 0 ? cols / 4 : 0;
  for (std::int64_t group = threadIdx.x; group < groups; group += kGatherThreads) {
    const float4 raw = load_source4(source, job.from_u8, group);
    const std::int64_t at = job.per_feature ? 4 * group : 0;
    const std::int64_t next = job.per_feature ? 1 : 0;
    const float4 value = {(raw.x - job.offset[at]) * job.scale[at],
                          (raw.y - job.offset[at + next]) * job.scale[at + next],
                          (raw.z - job.offset[at + 2 * next]) * job.scale[at + 2 * next],
                          (raw.w - job.offset[at + 3 * next]) * job.scale[at + 3 * next]};
    store4(job.x.data, job.x.bf16, row * (job.x.stride / 4) + group, value);
  }
  for (std::int64_t col = 4 * groups + threadIdx.x; col < cols; col += kGatherThreads) {
    const std::int64_t at = job.per_feature ? col : 0;
    store(job.x, row, col,
          (load_source(source, job.from_u8, col) - job.offset[at]) * job.scale[at]);
  }
  if (job.target.data == nullptr) return;
  if (job.labels) {
    if (threadIdx.x == 0) {
      static_cast<std::int32_t*>(job.target.data)[row] =
          static_cast<const std::int32_t*>(state->target)[from];
    }
    return;
  }
  const float* wanted = static_cast<const float*>(state->target) + from * job.target.cols;
  for (std::int64_t col = threadIdx.x; col < job.target.cols; col += kGatherThreads) {
    store(job.target, row, col, wanted[col]);
  }
}
MINNOW_KERNEL(gather);

#ifdef __CUDACC__
cudaError_t launch_gather(const RunState* state, const Gather& job, cudaStream_t stream) {
  gather<<<static_cast<unsigned>(job.x.rows), kGatherThreads, 0, stream>>>(state, job);
  return cudaGetLastError();
}
#endif

}  // namespace minnow::cuda
