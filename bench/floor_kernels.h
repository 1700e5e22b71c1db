#pragma once

// What minnow_floor times, once per instruction set, through one table as the CPU backend's
// kernels.

#include <cstdint>

namespace minnow::bench {

/// Slices of Adam's arrays, of `count` numbers each.
struct AdamSlice {
  float* p;
  const float* g;
  float* m;
  float* v;
  std::int64_t count;
};

struct FloorKernels {
  const char* isa;
  /// Floating-point operations in a round of multiply_adds.
  std::int64_t flop;
  float (*multiply_adds)(std::int64_t rounds);
  /// Adam's reads and writes, 28 bytes per parameter, with arithmetic that costs nothing.
  void (*stream)(const AdamSlice&);
  /// Adam itself, with the square root and the quotient as IEEE 754 rounds them.
  void (*adam)(const AdamSlice&);
};

extern "C" {
const FloorKernels* minnow_floor_kernels_v1();
const FloorKernels* minnow_floor_kernels_v3();
const FloorKernels* minnow_floor_kernels_v4();
}

}  // namespace minnow::bench
