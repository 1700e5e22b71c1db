#pragma once

#include <span>
#include <vector>

#include "kernels/kernels.h"

namespace minnow::cuda {

/// A matrix of the device's to the host, dense row-major (rows, cols); waits for the stream.
/// @throws CallFailure.
void read_matrix(const Matrix& matrix, std::span<float> values, cudaStream_t stream);
std::vector<float> read_matrix(const Matrix& matrix, cudaStream_t stream);

}  // namespace minnow::cuda
