#pragma once

// The losses of rows, with their gradients.

#include <minnow/loss_function.h>

#include "kernel_table.h"
#include "rowwise.h"
#include "vector.h"

namespace minnow::cpu {
namespace {

// The first term of a loss begins a row's, the others are added.
inline void note_loss(const LossRows& rows, std::int64_t row, float loss) {
  const float scaled = rows.row_scale * loss;
  rows.row_loss[row] = rows.add ? rows.row_loss[row] + scaled : scaled;
}

// One number a row, without the loops over columns.
template <class F>
void element_loss_one_column(const LossRows& rows) {
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    const float x = rows.input[row * rows.ld], target = rows.values[row * rows.ld];
    note_loss(rows, row, F::value(x, target, rows.parameter));
    if (rows.gradient == nullptr) continue;
    float* gradient = rows.gradient + row * rows.ld;
    store(gradient, Vector{rows.gradient_scale * F::slope(x, target, rows.parameter)});
    for (std::int64_t i = kLanes; i < rows.ld; i += kLanes) store(gradient + i, Vector{});
  }
}

/// Of single elements.
template <class F>
void element_loss(const LossRows& rows) {
  if (rows.cols == 1 && rows.labels == nullptr && rows.row_correct == nullptr && !rows.add) {
    return element_loss_one_column<F>(rows);
  }
  constexpr Accuracy kAccuracy = F::kTraits.accuracy;
  constexpr float kThreshold = kAccuracy == Accuracy::above_half ? 0.5F : 0.0F;
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    const float* x = rows.input + row * rows.ld;
    float* gradient = rows.gradient == nullptr ? nullptr : rows.gradient + row * rows.ld;
    for (std::int64_t i = 0; i < rows.ld && gradient != nullptr; i += kLanes) {
      store(gradient + i, Vector{});
    }
    float total = 0;
    bool right = true;
    for (std::int64_t i = 0; i < rows.cols; ++i) {
      const float target = rows.labels != nullptr ? static_cast<float>(rows.labels[row])
                                                  : rows.values[row * rows.ld + i];
      total += F::value(x[i], target, rows.parameter);
      if (kAccuracy != Accuracy::none) right = right && (x[i] > kThreshold) == (target > 0.5F);
      if (gradient != nullptr) {
        gradient[i] = rows.gradient_scale * F::slope(x[i], target, rows.parameter);
      }
    }
    note_loss(rows, row, total);
    if (rows.row_correct != nullptr) rows.row_correct[row] = right ? 1 : 0;
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
    note_loss(rows, row, loss);
    if (rows.row_correct != nullptr) rows.row_correct[row] = is_correct(rows, row) ? 1 : 0;
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
    note_loss(rows, row, loss);
    if (rows.row_correct != nullptr) rows.row_correct[row] = is_correct(rows, row) ? 1 : 0;
    if (gradient == nullptr) continue;
    for (std::int64_t i = 0; i < rows.cols; ++i) {
      gradient[i] = rows.gradient_scale * (gradient[i] - dot) / total;
    }
    for (std::int64_t i = rows.cols; i < rows.ld; ++i) gradient[i] = 0;
  }
}

template <class... Fs>
constexpr LossKernels loss_kernels(TypeList<Fs...>) {
  return {{element_loss<Fs>..., cross_entropy, softmax_cross_entropy}};
}

}  // namespace
}  // namespace minnow::cpu
