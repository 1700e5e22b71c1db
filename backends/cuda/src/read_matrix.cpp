#include "read_matrix.h"

#include <algorithm>
#include <cstddef>

#include "bfloat16.h"
#include "call.h"

namespace minnow::cuda {

void read_matrix(const Matrix& matrix, std::span<float> values, cudaStream_t stream) {
  const std::size_t size = matrix.bf16 ? 2 : 4;
  std::vector<std::uint16_t> low(matrix.bf16 ? values.size() : 0);
  void* to = matrix.bf16 ? static_cast<void*>(low.data()) : values.data();
  const std::size_t width = static_cast<std::size_t>(matrix.cols) * size;
  check(cudaMemcpy2DAsync(to, width, matrix.data, static_cast<std::size_t>(matrix.stride) * size,
                          width, static_cast<std::size_t>(matrix.rows), cudaMemcpyDeviceToHost,
                          stream),
        "cudaMemcpy2DAsync");
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  std::transform(low.begin(), low.end(), values.begin(), from_bfloat16);
}

std::vector<float> read_matrix(const Matrix& matrix, cudaStream_t stream) {
  std::vector<float> values(static_cast<std::size_t>(matrix.rows * matrix.cols));
  read_matrix(matrix, values, stream);
  return values;
}

}  // namespace minnow::cuda
