// Losses with their gradients; and the head: the last layer, the loss and the layer's gradients in
// one kernel, for few outputs.

#include "loss.cuh"

namespace minnow::cuda {

constexpr int kLossRows = kLossThreads / kWarp;

// One warp for each row.
__global__ void __launch_bounds__(kLossThreads) loss(Loss job) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kLossRows + threadIdx.x / kWarp;
  const int lane = threadIdx.x % kWarp;
  if (row < job.x.rows) {
    const RowLoss result =
        loss_of_row(job, row, lane, [&](std::int64_t col) { return load(job.x, row, col); });
    if (lane == 0) note_row(job, row, result);
  }
  if (ends_batch(job)) take_mean(job);
}
MINNOW_KERNEL(loss);

namespace {

// dW = dY^T X and db, each number by one thread, rows in their order. Several rows are on their way
// at once.
__device__ inline void weight_gradient(const Head& job) {
  constexpr int kAtOnce = 8;
  static_assert(kHeadGradientRows % kAtOnce == 0);
  __shared__ float dy[kHeadGradientRows][kHeadOutputs];
  const auto rows = static_cast<int>(job.x.rows);
  const auto outputs = static_cast<int>(job.loss.x.cols);
  for (int i = static_cast<int>(threadIdx.x); i < kHeadGradientRows * kHeadOutputs;
       i += kLossThreads) {
    const int row = i / kHeadOutputs;
    const int o = i % kHeadOutputs;
    dy[row][o] = row < rows && o < outputs ? load(job.loss.gradient, row, o) : 0.0F;
  }
  __syncthreads();
  for (std::int64_t col = threadIdx.x; col < job.x.cols; col += kLossThreads) {
    float sums[kHeadOutputs] = {};
    for (int row = 0; row < rows; row += kAtOnce) {
      float x[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) x[i] = row + i < rows ? load(job.x, row + i, col) : 0.0F;
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
#pragma unroll
        for (int o = 0; o < kHeadOutputs; ++o) sums[o] += x[i] * dy[row + i][o];
      }
    }
#pragma unroll
    for (int o = 0; o < kHeadOutputs; ++o) {
      if (o < outputs) job.dw[o * job.weight_stride + col] = sums[o];
    }
  }
  if (job.db == nullptr || static_cast<int>(threadIdx.x) >= outputs) return;
  float sum = 0;
  for (int row = 0; row < rows; ++row) sum += dy[row][threadIdx.x];
  job.db[threadIdx.x] = sum;
}

}  // namespace

// One warp for each row: with at most 16 outputs a product through the library is a launch of its
// own that takes longer than its arithmetic. Six blocks at once leave a thread the registers that
// it needs.
__global__ void __launch_bounds__(kLossThreads, 6) head(Head job) {
  __shared__ float rows_outputs[kLossRows][kHeadOutputs];
  const int warp = threadIdx.x / kWarp;
  const int lane = threadIdx.x % kWarp;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kLossRows + warp;
  const auto outputs = static_cast<int>(job.loss.x.cols);
  if (row < job.loss.x.rows) {
    float sums[kHeadOutputs] = {};
    for (std::int64_t i = lane; i < job.x.cols; i += kWarp) {
      const float x = load(job.x, row, i);
#pragma unroll
      for (int o = 0; o < kHeadOutputs; ++o) {
        if (o < outputs) sums[o] += x * job.weight[o * job.weight_stride + i];
      }
    }
#pragma unroll
    for (int o = 0; o < kHeadOutputs; ++o) {
      const float sum = warp_sum(sums[o]);
      if (lane == 0 && o < outputs) {
        rows_outputs[warp][o] = sum + (job.bias == nullptr ? 0.0F : job.bias[o]);
      }
    }
    __syncwarp();
    const auto output = [&](std::int64_t col) { return rows_outputs[warp][col]; };
    const RowLoss result = loss_of_row(job.loss, row, lane, output);
    if (lane == 0) note_row(job.loss, row, result);
    if (job.dx.data != nullptr) {
      __syncwarp();  // the gradient was written by other lanes
      for (std::int64_t i = lane; i < job.x.cols; i += kWarp) {
        float sum = 0;
#pragma unroll
        for (int o = 0; o < kHeadOutputs; ++o) {
          if (o < outputs)
            sum += load(job.loss.gradient, row, o) * job.weight[o * job.weight_stride + i];
        }
        if (job.saved.data != nullptr) {
          const float at = load(job.saved, row, i);
          visit(job.below.kind, Activations{}, [&](auto function) {
            sum = activation_gradient<decltype(function)>(sum, at, job.below.parameter);
          });
        }
        store(job.dx, row, i, sum);
      }
    }
  }
  if (!ends_batch(job.loss)) return;
  if (job.dw != nullptr) weight_gradient(job);
  take_mean(job.loss);
}
MINNOW_KERNEL(head);

#ifdef __CUDACC__
namespace {
unsigned loss_blocks(const Loss& job) {
  return static_cast<unsigned>((job.x.rows + kLossRows - 1) / kLossRows);
}
}  // namespace

cudaError_t launch_loss(const Loss& job, cudaStream_t stream) {
  loss<<<loss_blocks(job), kLossThreads, 0, stream>>>(job);
  return cudaGetLastError();
}
cudaError_t launch_head(const Head& job, cudaStream_t stream) {
  head<<<loss_blocks(job.loss), kLossThreads, 0, stream>>>(job);
  return cudaGetLastError();
}
#endif

}  // namespace minnow::cuda
