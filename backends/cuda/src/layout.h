#pragma once

// How values lie in device memory: row-major, rows padded to 8 elements, so that rows of float32
// and of bfloat16 both start at 16 bytes. Parameters are flat arenas of such matrices, each at a
// multiple of 64 elements.

#include <minnow/program.h>

#include <cstdint>
#include <vector>

namespace minnow::cuda {

constexpr std::int64_t padded(std::int64_t cols) { return (cols + 7) / 8 * 8; }

constexpr std::int64_t slice_elements(const ParameterSpec& spec) {
  return (spec.rows * padded(spec.cols) + 63) / 64 * 64;
}

/// Elements before each slot, and one entry more: of all.
inline std::vector<std::int64_t> slice_offsets(const std::vector<ParameterSpec>& parameters) {
  std::vector<std::int64_t> offsets{0};
  for (const ParameterSpec& spec : parameters) {
    offsets.push_back(offsets.back() + slice_elements(spec));
  }
  return offsets;
}

/// What an allocation takes: cudaMalloc gives whole multiples of 256 bytes.
constexpr std::int64_t device_bytes(std::int64_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace minnow::cuda
