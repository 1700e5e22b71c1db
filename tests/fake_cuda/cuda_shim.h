#pragma once

// Included before a kernel file that g++ compiles (-include): what nvcc provides by itself. Kernels
// become plain functions, shared memory static variables (one block runs at a time), and barriers
// and warp operations wait on fibers. Dynamic shared memory, which has no C++ spelling, is behind a
// macro that the kernel files use on both sides; under nvcc it is
//   #define MINNOW_DYNAMIC_SHARED(type, name) extern __shared__ type name[]

#include <cuda_bf16.h>
#include <math.h>
#include <string.h>
#include <vector_functions.h>
#include <vector_types.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "device_thread.h"
#include "kernel_registry.h"

#undef __shared__
#define __shared__ static
#undef __launch_bounds__
#define __launch_bounds__(...)
#define MINNOW_DYNAMIC_SHARED(type, name) \
  type* const name = static_cast<type*>(::fakecuda::dynamic_shared())

inline constexpr int warpSize = 32;

// Barriers.
inline void __syncthreads() { fakecuda::barrier(fakecuda::BlockVote::kNone, 0); }
inline int __syncthreads_count(int predicate) {
  return fakecuda::barrier(fakecuda::BlockVote::kCount, predicate);
}
inline int __syncthreads_and(int predicate) {
  return fakecuda::barrier(fakecuda::BlockVote::kAnd, predicate);
}
inline int __syncthreads_or(int predicate) {
  return fakecuda::barrier(fakecuda::BlockVote::kOr, predicate);
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFU) {
  fakecuda::exchange(fakecuda::WarpOperation::kSync, mask, 0, 0);
}
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}

// Warp operations. A lane outside the width keeps its own value.
namespace fakecuda {

template <class T>
T shuffle(unsigned mask, T value, int source) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t) && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  memcpy(&bits, &value, sizeof(T));
  bits = exchange(WarpOperation::kShuffle, mask, bits, source);
  memcpy(&value, &bits, sizeof(T));
  return value;
}

inline int segment_start(int width) { return lane_of_thread() / width * width; }

template <class T>
T shuffle_within(unsigned mask, T value, int source, int width) {
  const int start = segment_start(width);
  const bool inside = source >= start && source < start + width;
  return shuffle(mask, value, inside ? source : lane_of_thread());
}

}  // namespace fakecuda

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize) {
  const int wrapped = ((source % width) + width) % width;
  return fakecuda::shuffle(mask, value, fakecuda::segment_start(width) + wrapped);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize) {
  return fakecuda::shuffle_within(mask, value, fakecuda::lane_of_thread() ^ lane_mask, width);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
  const int source = fakecuda::lane_of_thread() + static_cast<int>(delta);
  return fakecuda::shuffle_within(mask, value, source, width);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
  const int source = fakecuda::lane_of_thread() - static_cast<int>(delta);
  return fakecuda::shuffle_within(mask, value, source, width);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const std::uint64_t value = predicate != 0 ? 1 : 0;
  return static_cast<unsigned>(
      fakecuda::exchange(fakecuda::WarpOperation::kBallot, mask, value, 0));
}
inline int __any_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0 ? 1 : 0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate == 0 ? 1 : 0) == 0 ? 1 : 0;
}

// Atomics: one thread runs at a time, so the plain operation is one. Each answers the old value.
namespace fakecuda {

template <class T, class Update>
T update(T* address, Update operation) {
  const T old = *address;
  *address = operation(old);
  return old;
}

}  // namespace fakecuda

#define MINNOW_FAKE_ATOMIC(name, type, expression)                              \
  inline type name(type* address, type value) {                                 \
    return fakecuda::update(address, [value](type old) { return expression; }); \
  }
#define MINNOW_FAKE_ATOMIC_INTEGERS(name, expression)                   \
  MINNOW_FAKE_ATOMIC(name, int, static_cast<int>(expression))           \
  MINNOW_FAKE_ATOMIC(name, unsigned, static_cast<unsigned>(expression)) \
  MINNOW_FAKE_ATOMIC(name, unsigned long long, static_cast<unsigned long long>(expression))
MINNOW_FAKE_ATOMIC_INTEGERS(atomicAdd, old + value)
MINNOW_FAKE_ATOMIC(atomicAdd, float, old + value)
MINNOW_FAKE_ATOMIC(atomicAdd, double, old + value)
MINNOW_FAKE_ATOMIC(atomicSub, int, old - value)
MINNOW_FAKE_ATOMIC(atomicSub, unsigned, old - value)
MINNOW_FAKE_ATOMIC_INTEGERS(atomicAnd, old& value)
MINNOW_FAKE_ATOMIC_INTEGERS(atomicOr, old | value)
MINNOW_FAKE_ATOMIC_INTEGERS(atomicXor, old ^ value)
MINNOW_FAKE_ATOMIC_INTEGERS(atomicMax, old < value ? value : old)
MINNOW_FAKE_ATOMIC_INTEGERS(atomicMin, value < old ? value : old)
MINNOW_FAKE_ATOMIC_INTEGERS(atomicExch, (static_cast<void>(old), value))
MINNOW_FAKE_ATOMIC(atomicExch, float, (static_cast<void>(old), value))
MINNOW_FAKE_ATOMIC(atomicInc, unsigned, old >= value ? 0U : old + 1U)
MINNOW_FAKE_ATOMIC(atomicDec, unsigned, old == 0U || old > value ? value : old - 1U)
#undef MINNOW_FAKE_ATOMIC_INTEGERS
#undef MINNOW_FAKE_ATOMIC

template <class T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return fakecuda::update(address, [=](T old) { return old == expected ? value : old; });
}

// min and max of CUDA: like fmin and fmax they prefer a number to NaN.
template <class A, class B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B>
constexpr auto min(A a, B b) {
  using T = std::common_type_t<A, B>;
  if constexpr (std::is_floating_point_v<T>)
    return static_cast<T>(fmin(T{a}, T{b}));
  else
    return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(a) : static_cast<T>(b);
}
template <class A, class B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B>
constexpr auto max(A a, B b) {
  using T = std::common_type_t<A, B>;
  if constexpr (std::is_floating_point_v<T>)
    return static_cast<T>(fmax(T{a}, T{b}));
  else
    return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(b) : static_cast<T>(a);
}

// Arithmetic. The fast forms are as exact as the others here.
inline float rsqrtf(float x) { return 1.0F / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanhf(float x) { return tanhf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return x > 0.0F ? (x < 1.0F ? x : 1.0F) : 0.0F; }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline float __frcp_rn(float x) { return 1.0F / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1.0F / sqrtf(x); }
inline int __float2int_rn(float x) { return static_cast<int>(lrintf(x)); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
inline float __double2float_rn(double x) { return static_cast<float>(x); }

inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __umulhi(unsigned x, unsigned y) {
  return static_cast<unsigned>((std::uint64_t{x} * y) >> 32U);
}
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>((static_cast<Wide>(x) * y) >> 64U);
}

// Memory and the rest.
template <class T>
T __ldg(const T* address) {
  return *address;
}
template <class T>
T __ldcs(const T* address) {
  return *address;
}
template <class T>
void __stcs(T* address, std::type_identity_t<T> value) {
  *address = value;
}
inline void __trap() { fakecuda::trap("__trap()"); }
inline void __nanosleep(unsigned) {}
