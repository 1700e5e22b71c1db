#pragma once

// Kernels over rows of activations. Rows are padded with zeros to a multiple of 16 floats, and stay
// so: what is written into the padding is zero.

#include <minnow/activation.h>

#include "kernel_table.h"
#include "vector.h"

namespace minnow::cpu {
namespace {

void add_bias(const float* x, const float* bias, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] + bias[i];
}

// Zeros behind the last column, where F made something of the padding's zeros.
inline void clear_padding(float* y, std::int64_t cols, std::int64_t padded) {
  for (std::int64_t i = cols; i < padded; ++i) y[i] = 0;
}

template <class F>
void activate(const float* x, float* y, std::int64_t cols, std::int64_t padded, float parameter) {
  for (std::int64_t i = 0; i < padded; i += kLanes) {
    store(y + i, F::value(load(x + i), parameter));
  }
  clear_padding(y, cols, padded);
}

template <class F>
void activate_grad(const float* dy, const float* saved, float* dx, std::int64_t padded,
                   float parameter) {
  for (std::int64_t i = 0; i < padded; i += kLanes) {
    store(dx + i, activation_gradient<F>(load(dy + i), load(saved + i), parameter));
  }
}

template <class... Fs>
constexpr ActivationKernels activation_kernels(TypeList<Fs...>) {
  return {{activate<Fs>...}, {activate_grad<Fs>...}};
}

void column_sums(const float* x, std::int64_t rows, std::int64_t ld, std::int64_t first_col,
                 std::int64_t cols, bool accumulate, float* sums) {
  for (std::int64_t col = first_col; col < first_col + cols; col += kLanes) {
    Vector total = accumulate ? load(sums + col) : Vector{};
    for (std::int64_t row = 0; row < rows; ++row) total += load(x + row * ld + col);
    store(sums + col, total);
  }
}

// The largest number of a row, NaN if there is one.
float row_maximum(const float* x, std::int64_t cols) {
  float largest = x[0];
  for (std::int64_t i = 1; i < cols; ++i) {
    if (!(x[i] <= largest)) largest = x[i];
    if (largest != largest) break;
  }
  return largest;
}

// y = exp(x - max), zero in the padding; returns the sum.
float shifted_exponentials(const float* x, float* y, std::int64_t cols, std::int64_t padded,
                           float largest) {
  const Integers lanes = lane_numbers();
  Vector total{};
  for (std::int64_t i = 0; i < padded; i += kLanes) {
    const Integers inside = lanes + static_cast<std::int32_t>(i) < static_cast<std::int32_t>(cols);
    const Vector value = inside ? elementary::exp(load(x + i) - largest) : Vector{};
    total += value;
    store(y + i, value);
  }
  return sum(total);
}

void softmax(const float* x, float* y, std::int64_t cols, std::int64_t padded) {
  const float total = shifted_exponentials(x, y, cols, padded, row_maximum(x, cols));
  const float scale = 1.0F / total;
  for (std::int64_t i = 0; i < cols; ++i) y[i] *= scale;
}

void softmax_grad(const float* dy, const float* y, float* dx, std::int64_t cols,
                  std::int64_t padded) {
  float dot = 0;
  for (std::int64_t i = 0; i < cols; ++i) dot += dy[i] * y[i];
  for (std::int64_t i = 0; i < cols; ++i) dx[i] = y[i] * (dy[i] - dot);
  for (std::int64_t i = cols; i < padded; ++i) dx[i] = 0;
}

}  // namespace
}  // namespace minnow::cpu
