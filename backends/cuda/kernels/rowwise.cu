// Softmax along rows, its gradient, and sums down columns.

#include "device.cuh"

namespace minnow::cuda {

constexpr int kRowThreads = 128;
constexpr int kRowsPerBlock = kRowThreads / kWarp;

// One warp for each row.
__global__ void __launch_bounds__(kRowThreads) softmax(Matrix x, Matrix y) {
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp;
  const int lane = threadIdx.x % kWarp;
  if (row >= x.rows) return;
  float largest = load(x, row, 0);
  for (std::int64_t col = lane; col < x.cols; col += kWarp) {
    const float value = load(x, row, col);
    if (!(value <= largest)) largest = largest != largest ? largest : value;
  }
  largest = warp_max(largest);
  float total = 0;
  for (std::int64_t col = lane; col < x.cols; col += kWarp) {
    total += expf(load(x, row, col) - largest);
  }
  const float scale = 1.0F / warp_sum(total);
  for (std::int64_t col = lane; col < x.cols; col += kWarp) {
    store(y, row, col, expf(load(x, row, col) - largest) * scale);
  }
}
MINNOW_KERNEL(softmax);

__global__ void __launch_bounds__(kRowThreads) softmax_grad(Matrix dy, Matrix y, Matrix dx) {
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp;
  const int lane = threadIdx.x % kWarp;
  if (row >= y.rows) return;
  float dot = 0;
  for (std::int64_t col = lane; col < y.cols; col += kWarp) {
    dot += load(dy, row, col) * load(y, row, col);
  }
  dot = warp_sum(dot);
  for (std::int64_t col = lane; col < y.cols; col += kWarp) {
    store(dx, row, col, load(y, row, col) * (load(dy, row, col) - dot));
  }
}
MINNOW_KERNEL(softmax_grad);

constexpr int kSumRows = 8;

// A block sums 32 columns; its 8 rows of threads take every eighth row and meet at the end.
__global__ void __launch_bounds__(kWarp* kSumRows)
    column_sums(Matrix x, bool accumulate, float* sums) {
  __shared__ float partial[kSumRows][kWarp];
  const std::int64_t col = static_cast<std::int64_t>(blockIdx.x) * kWarp + threadIdx.x;
  float total = 0;
  if (col < x.cols) {
    for (std::int64_t row = threadIdx.y; row < x.rows; row += kSumRows) total += load(x, row, col);
  }
  partial[threadIdx.y][threadIdx.x] = total;
  __syncthreads();
  if (threadIdx.y != 0 || col >= x.cols) return;
  for (int row = 1; row < kSumRows; ++row) total += partial[row][threadIdx.x];
  sums[col] = accumulate ? sums[col] + total : total;
}
MINNOW_KERNEL(column_sums);

#ifdef __CUDACC__
namespace {
unsigned row_blocks(const Matrix& matrix) {
  return static_cast<unsigned>((matrix.rows + kRowsPerBlock - 1) / kRowsPerBlock);
}
}  // namespace

cudaError_t launch_softmax(const Matrix& x, const Matrix& y, cudaStream_t stream) {
  softmax<<<row_blocks(x), kRowThreads, 0, stream>>>(x, y);
  return cudaGetLastError();
}
cudaError_t launch_softmax_grad(const Matrix& dy, const Matrix& y, const Matrix& dx,
                                cudaStream_t stream) {
  softmax_grad<<<row_blocks(y), kRowThreads, 0, stream>>>(dy, y, dx);
  return cudaGetLastError();
}
cudaError_t launch_column_sums(const Matrix& x, bool accumulate, float* sums, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>((x.cols + kWarp - 1) / kWarp);
  column_sums<<<blocks, dim3(kWarp, kSumRows), 0, stream>>>(x, accumulate, sums);
  return cudaGetLastError();
}
#endif

}  // namespace minnow::cuda
