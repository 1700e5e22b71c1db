#pragma once

// float32 to bfloat16 in the layouts that onednn_plugin.h says. Integer arithmetic alone: the same
// bits on every processor, whatever its rounding mode.

#include <cstdint>

namespace minnow::cpu {
namespace {

constexpr std::int64_t kBf16Panel = 32;

/// To nearest, ties to even; a number too large becomes infinite, a NaN stays one and is quiet.
inline std::uint32_t bf16_bits(float value) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  const std::uint32_t rounded = bits + 0x7FFF + ((bits >> 16) & 1);
  const std::uint32_t quiet = bits | 0x400000;
  return ((bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded) >> 16;
}

/// Two numbers as they lie in memory: the first one low.
inline std::uint32_t bf16_pair(float first, float second) {
  return bf16_bits(first) | bf16_bits(second) << 16;
}

void bf16_row(const float* __restrict from, std::int64_t cols, std::uint16_t* __restrict to,
              std::int64_t depth) {
  for (std::int64_t i = 0; i < cols; ++i) to[i] = static_cast<std::uint16_t>(bf16_bits(from[i]));
  for (std::int64_t i = cols; i < depth; ++i) to[i] = 0;
}

void bf16_panel(const float* __restrict from, std::int64_t stride, std::int64_t rows,
                std::int64_t cols, std::uint16_t* __restrict to, std::int64_t depth) {
  for (std::int64_t row = 0; row < depth; row += 2, to += 2 * kBf16Panel) {
    std::uint32_t pairs[kBf16Panel] = {};
    const float* first = from + row * stride;
    if (row + 1 < rows) {
      const float* second = first + stride;
      for (std::int64_t col = 0; col < cols; ++col) pairs[col] = bf16_pair(first[col], second[col]);
    } else if (row < rows) {
      for (std::int64_t col = 0; col < cols; ++col) pairs[col] = bf16_pair(first[col], 0.0F);
    }
    __builtin_memcpy(to, pairs, sizeof pairs);
  }
}

void bf16_transposed(const float* __restrict from, std::int64_t stride, std::int64_t rows,
                     std::int64_t cols, std::uint16_t* __restrict to, std::int64_t depth) {
  // 32 rows of 16 columns become 16 rows of a cache line.
  for (std::int64_t row = 0; row < depth; row += 32) {
    for (std::int64_t begin = 0; begin < cols; begin += 16) {
      const std::int64_t width = cols - begin < 16 ? cols - begin : 16;
      std::uint32_t pairs[16][16] = {};
      for (std::int64_t pair = 0; pair < 16 && row + 2 * pair < rows; ++pair) {
        const float* first = from + (row + 2 * pair) * stride + begin;
        // Below the last row zeros are paired with it.
        const bool both = row + 2 * pair + 1 < rows;
        const float* second = both ? first + stride : first;
        const std::uint32_t kept = both ? 0xFFFFFFFF : 0xFFFF;
        for (std::int64_t col = 0; col < width; ++col) {
          pairs[pair][col] = bf16_pair(first[col], second[col]) & kept;
        }
      }
      for (std::int64_t col = 0; col < width; ++col) {
        std::uint32_t line[16];
        for (std::int64_t pair = 0; pair < 16; ++pair) line[pair] = pairs[pair][col];
        __builtin_memcpy(to + (begin + col) * depth + row, line, sizeof line);
      }
    }
  }
}

}  // namespace
}  // namespace minnow::cpu
