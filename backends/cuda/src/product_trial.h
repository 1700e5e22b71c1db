#pragma once

// Ways to compute a product are timed on numbers as training has them, and a way whose results are
// not those of the plain product is out.

#include <minnow/backend.h>

#include <cuda_runtime_api.h>

#include <cstdint>
#include <span>
#include <vector>

namespace minnow::cuda {

/// Numbers of both signs, from 0.25 to 1, whether read as float32 or as bfloat16. Zeros would be
/// multiplied faster, and a wrong product of zeros is right. @throws CallFailure.
void fill_with_numbers(void* memory, std::int64_t bytes, cudaStream_t stream);

std::vector<float> column_sums(std::span<const float> values, std::int64_t cols);

/// ||values - expected|| / ||expected||; NaN where either has one.
double distance(std::span<const float> values, std::span<const float> expected);

/// Of the distance of two right results that were summed in different orders.
constexpr double largest_error(Precision precision) {
  return precision == Precision::fp32 ? 1e-5 : precision == Precision::tf32 ? 2e-3 : 1e-2;
}

}  // namespace minnow::cuda
