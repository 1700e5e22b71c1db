#pragma once

// A vector of floats in the compiler's own extension: the same source for SSE2, AVX2 and AVX-512.

#include <cstdint>

namespace minnow::cpu {
namespace {

constexpr std::int64_t kLanes = MINNOW_VECTOR_BYTES / 4;

// aligned(4): loads and stores through pointers of these types may be unaligned.
typedef float Vector __attribute__((vector_size(MINNOW_VECTOR_BYTES), aligned(4), may_alias));
typedef std::int32_t Integers
    __attribute__((vector_size(MINNOW_VECTOR_BYTES), aligned(4), may_alias));

inline Vector load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<Vector*>(to) = value; }
inline Vector broadcast(float value) { return Vector{} + value; }

inline Integers lane_numbers() {
  Integers lanes{};
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(kLanes); ++i) lanes[i] = i;
  return lanes;
}

inline float sum(Vector value) {
  float total = 0;
  for (std::int64_t i = 0; i < kLanes; ++i) total += value[i];
  return total;
}

/// Keeps NaN, unlike max(0, x) as most hardware does it.
inline Vector rectify(Vector x) {
  const Vector zero{};
  return (x < zero) ? zero : x;
}

/// exp(x) for x <= 88, within 2 ulp; 0 below -87; NaN stays. Cephes's reduction and polynomial.
inline Vector exponential(Vector x) {
  const Vector low = broadcast(-87.0F);
  const Vector clamped = (x < low) ? low : x;
  // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low mantissa bits.
  const Vector shifted = clamped * 1.44269504088896341F + 12582912.0F;
  const Vector whole = shifted - 12582912.0F;
  Vector r = clamped - whole * 0.693359375F;
  r = r - whole * -2.12194440e-4F;
  Vector p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  const Integers exponent = (reinterpret_cast<const Integers&>(shifted) + 127) << 23;
  const Vector result = p * reinterpret_cast<const Vector&>(exponent);
  return (x < low) ? Vector{} : result;
}

}  // namespace
}  // namespace minnow::cpu
