#pragma once

// Kernels over slices of the parameter arenas.

#include "kernel_table.h"
#include "vector.h"

namespace minnow::cpu {
namespace {

// A Newton step each on the processor's estimates. Slices are padded: whole vectors.
void adam_approximate(const AdamStep& step) {
  const Vector least = broadcast(1e-36F);  // an estimate of 0 is infinite, and 0 * inf no number
  for (std::int64_t i = 0; i < step.count; i += kLanes) {
    const Vector g = load(step.g + i);
    Vector m = load(step.m + i), v = load(step.v + i);
    m += (g - m) * step.new_share1;
    v += (g * g - v) * step.new_share2;
    Vector by_root = root_estimate((v < least) ? least : v);
    by_root *= 1.5F - 0.5F * v * by_root * by_root;
    const Vector divisor = v * by_root + step.epsilon;
    Vector quotient = quotient_estimate(divisor);
    quotient *= 2.0F - divisor * quotient;
    store(step.m + i, m);
    store(step.v + i, v);
    store(step.p + i, load(step.p + i) - step.rate * m * quotient);
  }
}

void adam(const AdamStep& step) {
  if (step.approximate) return adam_approximate(step);
  float* __restrict p = step.p;
  const float* __restrict g = step.g;
  float* __restrict m = step.m;
  float* __restrict v = step.v;
  const float rate = step.rate;
  const float new_share1 = step.new_share1;
  const float new_share2 = step.new_share2;
  const float epsilon = step.epsilon;
  for (std::int64_t i = 0; i < step.count; ++i) {
    m[i] += (g[i] - m[i]) * new_share1;
    v[i] += (g[i] * g[i] - v[i]) * new_share2;
    p[i] -= rate * m[i] / (__builtin_sqrtf(v[i]) + epsilon);
  }
}

void sgd(float* __restrict p, const float* __restrict g, float* __restrict velocity,
         std::int64_t count, float rate, float momentum) {
  if (velocity == nullptr) {
    for (std::int64_t i = 0; i < count; ++i) p[i] -= rate * g[i];
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    velocity[i] = momentum * velocity[i] - rate * g[i];
    p[i] += velocity[i];
  }
}

// x * 0 is zero for a finite x and NaN otherwise. Whole vectors: slices are padded.
bool all_finite(const float* x, std::int64_t count) {
  Vector flags[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int part = 0; part < 4; ++part) flags[part] += load(x + i + part * kLanes) * 0.0F;
  }
  for (; i < count; i += kLanes) flags[0] += load(x + i) * 0.0F;
  return sum(flags[0] + flags[1] + flags[2] + flags[3]) == 0.0F;
}

void transpose_panels(const float* weight, std::int64_t inputs, std::int64_t outputs,
                      std::int64_t panel, std::int64_t first, float* into) {
  const std::int64_t rows = inputs - first < 32 ? inputs - first : 32;
  if (outputs == 1) {  // is a vector
    for (std::int64_t i = 0; i < 32; ++i) into[i] = i < rows ? weight[first + i] : 0;
    return;
  }
  const std::int64_t padded = (rows + 15) / 16 * 16;
  for (std::int64_t begin = 0; begin < outputs; begin += panel) {
    const std::int64_t left = outputs - begin < panel ? outputs - begin : panel;
    const std::int64_t width = (left + 15) / 16 * 16;
    const float* from = weight + begin * inputs + first * width;
    float* to = into + begin * 32;
    // The next panel's rows lie far away, where no prefetcher of the processor looks.
    const float* next = weight + (begin + panel) * inputs + first * width;
    const bool more = begin + panel < outputs;
    for (std::int64_t col = 0; col < width; col += kLanes) {
      for (std::int64_t row = 0; row < padded; row += kLanes) {
        for (std::int64_t r = 0; more && r < kLanes; ++r)
          prefetch_to_l2(next + (row + r) * width + col);
        Vector block[kLanes];
        for (std::int64_t r = 0; r < kLanes; ++r) {
          block[r] = row + r < rows ? load(from + (row + r) * width + col) : Vector{};
        }
        transpose(block);
        for (std::int64_t c = 0; c < kLanes; ++c) store(to + (col + c) * 32 + row, block[c]);
      }
    }
  }
}

}  // namespace
}  // namespace minnow::cpu
