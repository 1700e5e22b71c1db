#pragma once

// Kernels over rows of activations. Rows are padded with zeros to a multiple of 16 floats, and stay
// so: what is written into the padding is zero.

#include "kernel_table.h"
#include "vector.h"

namespace minnow::cpu {
namespace {

void add_bias(const float* x, const float* bias, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] + bias[i];
}

void relu(const float* x, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += kLanes) store(y + i, rectify(load(x + i)));
}

void relu_grad(const float* dy, const float* y, float* dx, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += kLanes) {
    store(dx + i, (load(y + i) > Vector{}) ? load(dy + i) : Vector{});
  }
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
    const Vector value = inside ? exponential(load(x + i) - largest) : Vector{};
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

// One number a row, without the loops over columns.
void mse_one_column(const LossRows& rows) {
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    const float difference = rows.input[row * rows.ld] - rows.values[row * rows.ld];
    rows.row_loss[row] = difference * difference;
    if (rows.gradient == nullptr) continue;
    float* gradient = rows.gradient + row * rows.ld;
    store(gradient, Vector{rows.gradient_scale * difference});
    for (std::int64_t i = kLanes; i < rows.ld; i += kLanes) store(gradient + i, Vector{});
  }
}

void mse(const LossRows& rows) {
  if (rows.cols == 1) return mse_one_column(rows);
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    const float* x = rows.input + row * rows.ld;
    const float* target = rows.values + row * rows.ld;
    float* gradient = rows.gradient == nullptr ? nullptr : rows.gradient + row * rows.ld;
    float total = 0;
    for (std::int64_t i = 0; i < rows.ld && gradient != nullptr; i += kLanes) {
      store(gradient + i, Vector{});
    }
    for (std::int64_t i = 0; i < rows.cols; ++i) {
      const float difference = x[i] - target[i];
      total += difference * difference;
      if (gradient != nullptr) gradient[i] = rows.gradient_scale * difference;
    }
    rows.row_loss[row] = total;
  }
}

std::int32_t arg_max(const float* x, std::int64_t cols) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < cols; ++i) {
    if (x[i] > x[best]) best = i;
  }
  return static_cast<std::int32_t>(best);
}

bool is_correct(const LossRows& rows, std::int64_t row) {
  const std::int32_t predicted = arg_max(rows.input + row * rows.ld, rows.cols);
  return predicted == (rows.labels != nullptr ? rows.labels[row]
                                              : arg_max(rows.values + row * rows.ld, rows.cols));
}

/// loss = log(sum exp(x - max)) - (x[label] - max); gradient (softmax(x) - target) / batch. For a
/// target row y that does not sum to 1: sum(y) * softmax(x) - y, the derivative of -sum y log p.
void softmax_cross_entropy(const LossRows& rows) {
  alignas(64) float scratch[64];
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    const float* x = rows.input + row * rows.ld;
    const float* y = rows.values == nullptr ? nullptr : rows.values + row * rows.ld;
    const float largest = row_maximum(x, rows.cols);
    float* e = rows.gradient != nullptr ? rows.gradient + row * rows.ld : nullptr;
    float total = 0;
    if (e != nullptr) {
      total = shifted_exponentials(x, e, rows.cols, rows.ld, largest);
    } else {
      for (std::int64_t i = 0; i < rows.cols; i += 64) {
        const std::int64_t left = rows.cols - i < 64 ? rows.cols - i : 64;
        total += shifted_exponentials(x + i, scratch, left, (left + 15) / 16 * 16, largest);
      }
    }
    const float log_total = __builtin_logf(total);
    float loss = 0;
    float weight = 1;
    if (y == nullptr) {
      loss = log_total - (x[rows.labels[row]] - largest);
    } else {
      weight = 0;
      for (std::int64_t i = 0; i < rows.cols; ++i) {
        if (y[i] != 0) loss += y[i] * (log_total - (x[i] - largest));
        weight += y[i];
      }
    }
    rows.row_loss[row] = loss;
    rows.row_correct[row] = is_correct(rows, row) ? 1 : 0;
    if (e == nullptr) continue;
    const float scale = rows.gradient_scale * weight / total;
    for (std::int64_t i = 0; i < rows.cols; ++i) e[i] *= scale;
    if (y == nullptr) {
      e[rows.labels[row]] -= rows.gradient_scale;
    } else {
      for (std::int64_t i = 0; i < rows.cols; ++i) e[i] -= rows.gradient_scale * y[i];
    }
  }
}

/// Keras's formula for probabilities: q = p / sum(p), clipped to [1e-7, 1 - 1e-7],
/// loss = -sum y log q. The clip passes no gradient outside its range.
void cross_entropy(const LossRows& rows) {
  constexpr float kLow = 1e-7F;
  constexpr float kHigh = 1.0F - 1e-7F;
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    const float* p = rows.input + row * rows.ld;
    float* gradient = rows.gradient == nullptr ? nullptr : rows.gradient + row * rows.ld;
    const auto target = [&](std::int64_t i) {
      return rows.labels != nullptr ? (rows.labels[row] == i ? 1.0F : 0.0F)
                                    : rows.values[row * rows.ld + i];
    };
    float total = 0;
    for (std::int64_t i = 0; i < rows.cols; ++i) total += p[i];
    float loss = 0;
    float dot = 0;
    for (std::int64_t i = 0; i < rows.cols; ++i) {
      const float q = p[i] / total;
      const float clipped = q < kLow ? kLow : q > kHigh ? kHigh : q;
      const float y = target(i);
      if (y != 0 || q != q) loss -= y * __builtin_logf(clipped);
      const float by_q = q >= kLow && q <= kHigh ? -y / q : 0.0F;
      dot += by_q * q;
      if (gradient != nullptr) gradient[i] = by_q;
    }
    rows.row_loss[row] = loss;
    rows.row_correct[row] = is_correct(rows, row) ? 1 : 0;
    if (gradient == nullptr) continue;
    for (std::int64_t i = 0; i < rows.cols; ++i) {
      gradient[i] = rows.gradient_scale * (gradient[i] - dot) / total;
    }
    for (std::int64_t i = rows.cols; i < rows.ld; ++i) gradient[i] = 0;
  }
}

}  // namespace
}  // namespace minnow::cpu
