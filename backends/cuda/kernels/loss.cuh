#pragma once

// The loss of one row, by one warp, and the mean over all rows, by the last block.

#include <cstdint>

#include "device.cuh"

namespace minnow::cuda {

struct RowLoss {
  float loss;
  bool correct;
};

/// Column of the largest value of a row, the first of several; `value(col)` gives the values.
template <class Value>
__device__ inline std::int64_t warp_arg_max(std::int64_t cols, int lane, const Value& value) {
  float best = 0;
  std::int64_t at = cols;  // none yet
  for (std::int64_t col = lane; col < cols; col += kWarp) {
    const float candidate = value(col);
    if (at == cols || candidate > best) {
      best = candidate;
      at = col;
    }
  }
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, best, distance);
    const auto other_at =
        static_cast<std::int64_t>(__shfl_xor_sync(kAllLanes, static_cast<int>(at), distance));
    const bool take =
        other_at != cols && (at == cols || other > best || (other == best && other_at < at));
    if (take) {
      best = other;
      at = other_at;
    }
  }
  return at;
}

__device__ inline bool is_correct(const Loss& job, std::int64_t row, std::int64_t predicted,
                                  int lane) {
  if (job.labels) return predicted == static_cast<const std::int32_t*>(job.target.data)[row];
  return predicted == warp_arg_max(job.target.cols, lane,
                                   [&](std::int64_t col) { return load(job.target, row, col); });
}

/// Of single elements. `input(col)` gives the row's numbers; all lanes of the warp call it.
template <class Input>
__device__ inline RowLoss element_row(const Loss& job, std::int64_t row, std::int64_t cols,
                                      float scale_of_gradient, int lane, const Input& input) {
  float total = 0;
  bool right = true;
  for (std::int64_t col = lane; col < cols; col += kWarp) {
    const float x = input(col);
    const float t = job.labels
                        ? static_cast<float>(static_cast<const std::int32_t*>(job.target.data)[row])
                        : load(job.target, row, col);
    float slope = 0;
    visit(job.kind, ElementLosses{}, [&](auto function) {
      using F = decltype(function);
      constexpr float kThreshold = F::kTraits.accuracy == Accuracy::above_half ? 0.5F : 0.0F;
      total += F::value(x, t, job.parameter);
      slope = F::slope(x, t, job.parameter);
      right = right && (x > kThreshold) == (t > 0.5F);
    });
    if (job.gradient.data != nullptr) store(job.gradient, row, col, scale_of_gradient * slope);
  }
  return {warp_sum(total), __all_sync(kAllLanes, right ? 1 : 0) != 0};
}

/// loss = log(sum exp(x - max)) - (x[label] - max); gradient (softmax(x) - target) / batch. For a
/// target row y that does not sum to 1: sum(y) softmax(x) - y.
template <class Input>
__device__ inline RowLoss softmax_cross_entropy_row(const Loss& job, std::int64_t row,
                                                    std::int64_t cols, float scale_of_gradient,
                                                    int lane, const Input& input) {
  const auto target = [&](std::int64_t col) {
    if (!job.labels) return load(job.target, row, col);
    return static_cast<const std::int32_t*>(job.target.data)[row] == col ? 1.0F : 0.0F;
  };
  float largest = input(0);
  for (std::int64_t col = lane; col < cols; col += kWarp) {
    const float value = input(col);
    if (!(value <= largest)) largest = largest != largest ? largest : value;
  }
  largest = warp_max(largest);
  float total = 0;
  for (std::int64_t col = lane; col < cols; col += kWarp) total += expf(input(col) - largest);
  total = warp_sum(total);
  const float log_total = logf(total);
  float loss = 0;
  float weight = 0;
  for (std::int64_t col = lane; col < cols; col += kWarp) {
    const float y = target(col);
    // Without the condition 0 * inf would make a NaN; a NaN of the row is in log_total anyway.
    if (y != 0) loss += y * (log_total - (input(col) - largest));
    weight += y;
  }
  loss = warp_sum(loss);
  weight = warp_sum(weight);
  const std::int64_t predicted = warp_arg_max(cols, lane, input);
  if (job.gradient.data != nullptr) {
    const float scale = scale_of_gradient * weight / total;
    for (std::int64_t col = lane; col < cols; col += kWarp) {
      store(job.gradient, row, col,
            expf(input(col) - largest) * scale - scale_of_gradient * target(col));
    }
  }
  return {loss, is_correct(job, row, predicted, lane)};
}

/// Keras's formula for probabilities: q = p / sum(p), clipped to [1e-7, 1 - 1e-7],
/// loss = -sum y log q. The clip passes no gradient outside its range.
template <class Input>
__device__ inline RowLoss cross_entropy_row(const Loss& job, std::int64_t row, std::int64_t cols,
                                            float scale_of_gradient, int lane, const Input& input) {
  constexpr float kLow = 1e-7F;
  constexpr float kHigh = 1.0F - 1e-7F;
  const auto target = [&](std::int64_t col) {
    if (!job.labels) return load(job.target, row, col);
    return static_cast<const std::int32_t*>(job.target.data)[row] == col ? 1.0F : 0.0F;
  };
  float total = 0;
  for (std::int64_t col = lane; col < cols; col += kWarp) total += input(col);
  total = warp_sum(total);
  const auto by_q = [&](std::int64_t col) {
    const float q = input(col) / total;
    return q >= kLow && q <= kHigh ? -target(col) / q : 0.0F;
  };
  float loss = 0;
  float dot = 0;
  for (std::int64_t col = lane; col < cols; col += kWarp) {
    const float q = input(col) / total;
    const float clipped = q < kLow ? kLow : q > kHigh ? kHigh : q;
    const float y = target(col);
    if (y != 0 || q != q) loss -= y * logf(clipped);
    dot += by_q(col) * q;
  }
  loss = warp_sum(loss);
  dot = warp_sum(dot);
  const std::int64_t predicted = warp_arg_max(cols, lane, input);
  if (job.gradient.data != nullptr) {
    for (std::int64_t col = lane; col < cols; col += kWarp) {
      store(job.gradient, row, col, scale_of_gradient * (by_q(col) - dot) / total);
    }
  }
  return {loss, is_correct(job, row, predicted, lane)};
}

template <class Input>
__device__ inline RowLoss loss_of_row(const Loss& job, std::int64_t row, int lane,
                                      const Input& input) {
  const float scale = job.gradient_scale;
  const std::int64_t cols = job.x.cols;
  switch (job.kind) {
    case LossKind::mean_squared_error:
    case LossKind::mean_absolute_error:
    case LossKind::huber:
    case LossKind::binary_cross_entropy:
    case LossKind::sigmoid_binary_cross_entropy:
      return element_row(job, row, cols, scale, lane, input);
    case LossKind::cross_entropy:
      return cross_entropy_row(job, row, cols, scale, lane, input);
    case LossKind::softmax_cross_entropy:
      return softmax_cross_entropy_row(job, row, cols, scale, lane, input);
  }
  return {};
}

constexpr int kLossThreads = 128;

__device__ inline void note_row(const Loss& job, std::int64_t row, const RowLoss& result) {
  float& loss = job.row_loss[job.row + row];
  const float scaled = job.row_scale * result.loss;
  loss = job.first ? scaled : loss + scaled;
  if (job.first) job.row_correct[job.row + row] = result.correct ? 1 : 0;
}

/// Whether the losses of the batch are complete and this block is the last one. All threads of all
/// blocks call it.
__device__ inline bool ends_batch(const Loss& job) {
  return job.last && last_block(job.finished_blocks);
}

/// The losses of all rows of the batch to their mean, in the same order every time.
__device__ inline void take_mean(const Loss& job) {
  __shared__ double losses[kLossThreads];
  __shared__ int corrects[kLossThreads];
  double total = 0;
  int correct = 0;
  for (std::int64_t row = threadIdx.x; row < job.batch; row += kLossThreads) {
    total += static_cast<double>(job.row_loss[row]);
    correct += job.row_correct[row];
  }
  losses[threadIdx.x] = total;
  corrects[threadIdx.x] = correct;
  for (unsigned half = kLossThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      losses[threadIdx.x] += losses[threadIdx.x + half];
      corrects[threadIdx.x] += corrects[threadIdx.x + half];
    }
  }
  if (threadIdx.x != 0) return;
  *job.loss = static_cast<float>(losses[0] / static_cast<double>(job.batch));
  if (job.correct != nullptr) *job.correct = static_cast<float>(corrects[0]);
}

}  // namespace minnow::cuda
