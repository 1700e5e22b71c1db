#pragma once

/// Elementary functions over T: float, a vector of floats, or double. CPU kernels of every
/// instruction set and CUDA kernels compile them from here, so that devices compute the same
/// formulas. Reduction and polynomials of exp: Cephes. Errors are against double, in units in the
/// last place (ulp), over all arguments whose results are normal numbers; smaller ones may be zero,
/// and NaN stays NaN. tests/unit/elementary_test.cpp goes through the floats.
///
/// A vector type joins by a specialization of BitsOf.

#include <minnow/host_device.h>

#include <cmath>
#include <cstdint>

namespace minnow::elementary {

/// The integers as wide as the lanes of T.
template <class T>
struct BitsOf;
template <>
struct BitsOf<float> {
  using Type = std::int32_t;
};

template <class T>
MINNOW_FORMULA typename BitsOf<T>::Type bits_of(T value) {
  typename BitsOf<T>::Type bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}
template <class T>
MINNOW_FORMULA T from_bits(typename BitsOf<T>::Type bits) {
  T value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

/// One number in every lane. Not `T{} + value`: that turns -0 into 0, which takes an addition.
template <class T>
MINNOW_FORMULA T splat(float value) {
  return value - T{};
}

template <class T>
MINNOW_FORMULA T absolute(T x) {
  return (x < T{}) ? -x : x;
}

/// x = n ln 2 + r with |r| <= ln(2)/2, and 2^n, for x in kLeastExponent..88.
template <class T>
struct Reduced {
  T r;
  T power;
};
template <class T>
MINNOW_FORMULA Reduced<T> reduce(T x) {
  // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low mantissa bits.
  const T shifted = x * 1.44269504088896341F + 12582912.0F;
  const T whole = shifted - 12582912.0F;
  T r = x - whole * 0.693359375F;
  r = r - whole * -2.12194440e-4F;
  return {r, from_bits<T>((bits_of(shifted) + 127) << 23)};
}
/// (exp(r) - 1 - r) / r^2
template <class T>
MINNOW_FORMULA T exp_polynomial(T r) {
  T p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  return p * r + 5.0000001201e-1F;
}
inline constexpr float kLeastExponent = -87.3365402F;  // exp() of it is the smallest normal float

/// exp(x) for x <= 88, within 2 ulp; 0 where it is no normal number.
template <class T>
MINNOW_FORMULA T exp(T x) {
  const T least = splat<T>(kLeastExponent);
  const Reduced<T> reduced = reduce((x < least) ? least : x);
  const T r = reduced.r;
  const T result = (exp_polynomial(r) * (r * r) + r + 1.0F) * reduced.power;
  return (x < least) ? T{} : result;
}
MINNOW_FORMULA double exp(double x) { return ::exp(x); }

MINNOW_FORMULA float log(float x) { return ::logf(x); }
MINNOW_FORMULA double log(double x) { return ::log(x); }

/// exp(a + b) for a + b <= 88 and a b so small that a + b is about a in float, within 3 ulp.
template <class T>
MINNOW_FORMULA T exp_of_sum(T a, T b) {
  const T least = splat<T>(kLeastExponent);
  const Reduced<T> reduced = reduce((a < least) ? least : a);
  const T r = reduced.r + b;
  const T result = (exp_polynomial(r) * (r * r) + r + 1.0F) * reduced.power;
  return (a < least) ? T{} : result;
}

/// exp(x) - 1 for x <= 0, within 1 ulp.
template <class T>
MINNOW_FORMULA T expm1(T x) {
  const T least = splat<T>(kLeastExponent);
  const Reduced<T> reduced = reduce((x < least) ? least : x);
  const T r = reduced.r;
  const T power = reduced.power;
  return (exp_polynomial(r) * (r * r) + r) * power + (power - 1.0F);
}
MINNOW_FORMULA double expm1(double x) { return ::expm1(x); }

/// log(1 + x) for x in 0..1, within 2 ulp: 2 artanh(x / (2 + x)).
template <class T>
MINNOW_FORMULA T log1p(T x) {
  const T s = x / (x + 2.0F);
  const T s2 = s * s;
  T p = s2 * (2.0F / 15) + 2.0F / 13;
  p = p * s2 + 2.0F / 11;
  p = p * s2 + 2.0F / 9;
  p = p * s2 + 2.0F / 7;
  p = p * s2 + 2.0F / 5;
  p = p * s2 + 2.0F / 3;
  return p * s2 * s + s * 2.0F;
}
MINNOW_FORMULA double log1p(double x) { return ::log1p(x); }

/// Within 3 ulp.
template <class T>
MINNOW_FORMULA T tanh(T x) {
  const T minus = expm1(absolute(x) * -2.0F);
  const T result = minus / (minus + 2.0F);
  return (x < T{}) ? result : -result;
}
MINNOW_FORMULA double tanh(double x) { return ::tanh(x); }

/// 1 / (1 + exp(-x)), within 3 ulp.
template <class T>
MINNOW_FORMULA T logistic(T x) {
  const T e = exp(-absolute(x));
  return ((x < T{}) ? e : splat<T>(1.0F)) / (e + 1.0F);
}

/// The standard normal distribution: its density within 3 ulp, and its integral up to x within 7.
/// The lower tail is exp(-x^2/2) times a polynomial in 1 / (1 + 0.3 |x|), fitted over |x| <= 14
/// with an error of 0.06 ulp.
template <class T>
struct Normal {
  T density;
  T integral;
};
template <class T>
MINNOW_FORMULA Normal<T> normal(T x) {
  const T size = absolute(x);
  // The square in two parts, the first of which is exact: in one, its rounding would be 87 ulp.
  const T high = from_bits<T>(bits_of(size) & ~0xFFF);
  const T exponential = exp_of_sum(high * high * -0.5F, (size - high) * (size + high) * -0.5F);
  const T u = splat<T>(1.0F) / (size * 0.3F + 1.0F);
  T p = u * -0.020612835040443644F + 0.11237580799115998F;
  p = p * u - 0.22806758051953702F;
  p = p * u + 0.1915817793802582F;
  p = p * u - 0.07924740657009582F;
  p = p * u + 0.09605786315223065F;
  p = p * u + 0.07842556869765664F;
  p = p * u + 0.11022732611455605F;
  p = p * u + 0.1195728409682236F;
  p = p * u + 0.11968663410222183F;
  const T tail = exponential * (p * u);
  return {exponential * 0.398942280401432678F, (x < T{}) ? tail : splat<T>(1.0F) - tail};
}
MINNOW_FORMULA Normal<double> normal(double x) {
  return {0.398942280401432678 * ::exp(-0.5 * x * x), 0.5 * ::erfc(-x * 0.70710678118654752)};
}

}  // namespace minnow::elementary
