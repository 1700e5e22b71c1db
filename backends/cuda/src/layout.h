#pragma once

// How values lie in device memory: row-major, rows padded to 8 elements, so that rows of float32
// and of bfloat16 both start at 16 bytes. Parameters are flat arenas of such matrices, each at a
// multiple of 64 elements: first weights, then what has rank 1, which weight decay may leave out.

#include <minnow/program.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace minnow::cuda {

constexpr std::int64_t padded(std::int64_t cols) { return (cols + 7) / 8 * 8; }

constexpr std::int64_t slice_elements(const ParameterSpec& spec) {
  return (spec.rows * padded(spec.cols) + 63) / 64 * 64;
}

struct ArenaLayout {
  explicit ArenaLayout(const std::vector<ParameterSpec>& parameters) : offsets(parameters.size()) {
    for (const bool of_weights : {true, false}) {
      for (std::size_t slot = 0; slot < parameters.size(); ++slot) {
        if ((parameters[slot].rank > 1) != of_weights) continue;
        offsets[slot] = elements;
        elements += slice_elements(parameters[slot]);
      }
      if (of_weights) weights = elements;
    }
  }

  std::vector<std::int64_t> offsets;  // by slot
  std::int64_t weights = 0;           // elements
  std::int64_t elements = 0;
};

/// cudaMalloc gives whole multiples of 256 bytes.
constexpr std::int64_t kDeviceAlignment = 256;
/// What an allocation takes.
constexpr std::int64_t device_bytes(std::int64_t bytes) {
  return (bytes + kDeviceAlignment - 1) / kDeviceAlignment * kDeviceAlignment;
}

}  // namespace minnow::cuda
