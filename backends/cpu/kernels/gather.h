#pragma once

// Rows of data, picked and scaled.

#include "kernel_table.h"
#include "vector.h"

namespace minnow::cpu {
namespace {

inline Words permute_once(Words index, const PermutedRows& p) {
  const std::uint32_t mask = (std::uint32_t{1} << p.half_bits) - 1;
  Words left = index >> p.half_bits;
  Words right = index & mask;
#pragma GCC unroll 4
  for (const std::uint32_t key : p.keys) {
    Words mixed = right ^ key;
    mixed = (mixed ^ (mixed >> 16)) * 0x85EBCA6BU;
    mixed = (mixed ^ (mixed >> 13)) * 0xC2B2AE35U;
    mixed = left ^ ((mixed ^ (mixed >> 16)) & mask);
    left = right;
    right = mixed;
  }
  return (left << p.half_bits) | right;
}

void permute(const PermutedRows& p) {
  const auto last = static_cast<std::uint32_t>(p.size - 1);
  for (std::int64_t begin = 0; begin < p.count; begin += kLanes) {
    const auto lane = reinterpret_cast<Words>(lane_numbers());
    // Lanes without a row do what the first one does: outside the network's range none would end.
    const Words offset = (lane < static_cast<std::uint32_t>(p.count - begin)) ? lane : Words{};
    Words index = permute_once(offset + static_cast<std::uint32_t>(p.first + begin), p);
    for (Integers outside = index > last; any(outside); outside = index > last) {
      index = outside ? permute_once(index, p) : index;
    }
    for (std::int64_t i = 0; i < kLanes; ++i) p.rows[begin + i] = index[i];
  }
}

/// A row with one offset and one scale, and zeros behind it up to whole vectors.
void scale_row(const float* row, float* into, std::int64_t cols, float offset, float scale) {
  std::int64_t i = 0;
  for (; i + kLanes <= cols; i += kLanes) store(into + i, (load(row + i) - offset) * scale);
  if (i == cols) return;
  const Integers inside = lane_numbers() < static_cast<std::int32_t>(cols - i);
  const Vector last = (load_first(row + i, cols - i) - offset) * scale;
  store(into + i, inside ? last : Vector{});
}

void scale_row(const std::uint8_t* __restrict row, float* __restrict into, std::int64_t cols,
               float offset, float scale) {
  for (std::int64_t i = 0; i < cols; ++i) into[i] = (static_cast<float>(row[i]) - offset) * scale;
}

template <class T>
void gather(const GatherRows& g) {
  // Shuffled rows lie where no prefetcher of the processor looks. Some 8 KB ahead are on their way,
  // to L2: it keeps more lines in flight than L1 does.
  constexpr std::int64_t kLine = 64;
  constexpr std::int64_t kBytesAhead = 8192;
  const auto bytes = g.cols * static_cast<std::int64_t>(sizeof(T));
  const std::int64_t ahead = bytes * 16 > kBytesAhead ? kBytesAhead / bytes : 16;
  const auto row_at = [&g](std::int64_t i) {
    return static_cast<const T*>(g.data) + g.rows[i] * g.cols;
  };
  const auto prefetch = [&](std::int64_t i) {
    const char* row = reinterpret_cast<const char*>(row_at(i));
    for (std::int64_t byte = 0; byte < bytes; byte += kLine) prefetch_to_l2(row + byte);
    prefetch_to_l2(row + bytes - 1);
  };
  for (std::int64_t i = 0; i < ahead && i < g.count; ++i) prefetch(i);
  const float the_offset = g.offset[0];
  const float the_scale = g.scale[0];
  for (std::int64_t i = 0; i < g.count; ++i) {
    if (i + ahead < g.count && ahead > 0) prefetch(i + ahead);
    const T* __restrict row = row_at(i);
    float* __restrict into = g.into + i * g.ld;
    if (g.per_feature) {
      for (std::int64_t j = 0; j < g.cols; ++j) {
        into[j] = (static_cast<float>(row[j]) - g.offset[j]) * g.scale[j];
      }
    } else {
      scale_row(row, into, g.cols, the_offset, the_scale);
    }
  }
}

}  // namespace
}  // namespace minnow::cpu
