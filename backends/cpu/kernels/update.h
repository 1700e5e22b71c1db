#pragma once

// Kernels over slices of the parameter arenas.

#include <minnow/update_rule.h>

#include "kernel_table.h"
#include "vector.h"

namespace minnow::cpu {
namespace {

// A Newton step each on the processor's estimates. Slices are padded: whole vectors.
void adam_approximate(const AdamRule::Step& step, const UpdateSpan& span) {
  const Vector least = broadcast(1e-36F);  // an estimate of 0 is infinite, and 0 * inf no number
  for (std::int64_t i = 0; i < span.count; i += kLanes) {
    const Vector g = load(span.g + i);
    Vector m = load(span.state0 + i), v = load(span.state1 + i);
    m += (g - m) * step.share1;
    v += (g * g - v) * step.share2;
    Vector by_root = root_estimate((v < least) ? least : v);
    by_root *= 1.5F - 0.5F * v * by_root * by_root;
    const Vector divisor = v * by_root + step.epsilon;
    Vector quotient = quotient_estimate(divisor);
    quotient *= 2.0F - divisor * quotient;
    store(span.state0 + i, m);
    store(span.state1 + i, v);
    store(span.p + i, load(span.p + i) * step.keep - step.rate * m * quotient);
  }
}

template <class Rule, int kStates>
void update_numbers(const typename Rule::Step& step, const UpdateSpan& span) {
  float* __restrict p = span.p;
  const float* __restrict g = span.g;
  float* __restrict state0 = span.state0;
  float* __restrict state1 = span.state1;
  const typename Rule::Step constants = step;  // so that no store can change them
  const std::int64_t count = span.count;
  for (std::int64_t i = 0; i < count; ++i) {
    float none = 0, unused = 0;
    if constexpr (kStates == 0) Rule::apply(constants, g[i], p[i], none, unused);
    if constexpr (kStates == 1) Rule::apply(constants, g[i], p[i], state0[i], unused);
    if constexpr (kStates == 2) Rule::apply(constants, g[i], p[i], state0[i], state1[i]);
  }
}

template <class Rule, int kStates = Rule::kStates>
void update(const void* constants, const UpdateSpan& span) {
  const auto& step = *static_cast<const typename Rule::Step*>(constants);
  if constexpr (requires { step.approximate; }) {
    if (step.approximate) return adam_approximate(step, span);
  }
  if (span.states == kStates) return update_numbers<Rule, kStates>(step, span);
  if constexpr (kStates > 0) update<Rule, kStates - 1>(constants, span);
}

template <class... Rules>
constexpr UpdateKernels update_kernels(TypeList<Rules...>) {
  return {{update<Rules>...}};
}

// By the bits without the sign, whose order is that of the numbers, with infinity and then NaN
// above them all. Whole vectors: slices are padded.
float largest_magnitude(const float* x, std::int64_t count) {
  const auto without_sign = [&](std::int64_t i) {
    return elementary::bits_of(load(x + i)) & 0x7FFFFFFF;
  };
  Integers largest[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int part = 0; part < 4; ++part) {
      const Integers bits = without_sign(i + part * kLanes);
      largest[part] = (largest[part] < bits) ? bits : largest[part];
    }
  }
  for (; i < count; i += kLanes) {
    const Integers bits = without_sign(i);
    largest[0] = (largest[0] < bits) ? bits : largest[0];
  }
  std::int32_t most = 0;
  for (const Integers& part : largest) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) most = part[lane] > most ? part[lane] : most;
  }
  return elementary::from_bits<float>(most);
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
