#pragma once

// A vector of floats in the compiler's own extension: the same source for SSE2, AVX2 and AVX-512.

#include <minnow/elementary.h>

#include <immintrin.h>

#include <cstdint>

namespace minnow::cpu {
namespace {

constexpr std::int64_t kLanes = MINNOW_VECTOR_BYTES / 4;

typedef float Vector __attribute__((vector_size(MINNOW_VECTOR_BYTES)));
typedef std::int32_t Integers __attribute__((vector_size(MINNOW_VECTOR_BYTES)));
typedef std::uint32_t Words __attribute__((vector_size(MINNOW_VECTOR_BYTES)));
// In memory, where a vector may begin at any float.
typedef float VectorInMemory
    __attribute__((vector_size(MINNOW_VECTOR_BYTES), aligned(4), may_alias));

inline Vector load(const float* from) { return *reinterpret_cast<const VectorInMemory*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<VectorInMemory*>(to) = value; }
// Not `Vector{} + value`: that turns -0 into 0, which takes an addition.
inline Vector broadcast(float value) { return value - Vector{}; }

// g++ 12 drops __builtin_prefetch from a loop that it vectorises.
inline void prefetch_to_l2(const void* at) {
  asm volatile("prefetcht1 %0" : : "m"(*static_cast<const char*>(at)));
}

/// The first `count` lanes, fewer than all; zeros behind them. Reads nothing beyond.
inline Vector load_first(const float* from, std::int64_t count) {
#if MINNOW_VECTOR_BYTES == 64
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1U), from);
#else
  Vector part{};
  for (std::int64_t i = 0; i < count; ++i) part[i] = from[i];
  return part;
#endif
}

/// a0 b0 a1 b1 ... of the lower and of the upper halves.
inline Vector interleave_low(Vector a, Vector b) {
#if MINNOW_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif MINNOW_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}
inline Vector interleave_high(Vector a, Vector b) {
#if MINNOW_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
#elif MINNOW_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

/// Rows become columns: each of log2(kLanes) rounds interleaves the two halves of the rows.
inline void transpose(Vector (&rows)[kLanes]) {
#pragma GCC unroll 4
  for (std::int64_t round = 1; round < kLanes; round *= 2) {
    Vector next[kLanes];
#pragma GCC unroll 16
    for (std::int64_t i = 0; i < kLanes / 2; ++i) {
      next[2 * i] = interleave_low(rows[i], rows[i + kLanes / 2]);
      next[2 * i + 1] = interleave_high(rows[i], rows[i + kLanes / 2]);
    }
#pragma GCC unroll 16
    for (std::int64_t i = 0; i < kLanes; ++i) rows[i] = next[i];
  }
}

inline Integers lane_numbers() {
  Integers lanes{};
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(kLanes); ++i) lanes[i] = i;
  return lanes;
}

/// Of a comparison's result.
inline bool any(Integers mask) {
#if MINNOW_VECTOR_BYTES == 64
  return _mm512_test_epi32_mask(reinterpret_cast<__m512i>(mask), reinterpret_cast<__m512i>(mask)) !=
         0;
#elif MINNOW_VECTOR_BYTES == 32
  return _mm256_movemask_ps(reinterpret_cast<__m256>(mask)) != 0;
#else
  return _mm_movemask_ps(reinterpret_cast<__m128>(mask)) != 0;
#endif
}

inline float sum(Vector value) {
  float total = 0;
  for (std::int64_t i = 0; i < kLanes; ++i) total += value[i];
  return total;
}

/// 1 / sqrt(x) within 2^-14 (AVX-512) or 1.5 * 2^-12, and 1 / x.
inline Vector root_estimate(Vector x) {
#if MINNOW_VECTOR_BYTES == 64
  return _mm512_maskz_rsqrt14_ps(0xFFFF, x);  // g++ 12 takes the other for uninitialised
#elif MINNOW_VECTOR_BYTES == 32
  return _mm256_rsqrt_ps(x);
#else
  return _mm_rsqrt_ps(x);
#endif
}
inline Vector quotient_estimate(Vector x) {
#if MINNOW_VECTOR_BYTES == 64
  return _mm512_maskz_rcp14_ps(0xFFFF, x);
#elif MINNOW_VECTOR_BYTES == 32
  return _mm256_rcp_ps(x);
#else
  return _mm_rcp_ps(x);
#endif
}

}  // namespace
}  // namespace minnow::cpu

template <>
struct minnow::elementary::BitsOf<minnow::cpu::Vector> {
  using Type = minnow::cpu::Integers;
};
