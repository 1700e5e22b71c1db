#pragma once

// Rows of data, picked and scaled.

#include "kernel_table.h"
#include "vector.h"

namespace minnow::cpu {
namespace {

template <class T>
void gather(const GatherRows& g) {
  // Shuffled rows lie where no prefetcher of the processor looks. Some 8 KB ahead are on their way,
  // to L2: it keeps more lines in flight than L1 does.
  constexpr std::int64_t kLine = 64;
  constexpr std::int64_t kBytesAhead = 8192;
  const auto bytes = g.cols * static_cast<std::int64_t>(sizeof(T));
  const std::int64_t ahead = kBytesAhead / bytes < 16 ? kBytesAhead / bytes : 16;
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
      for (std::int64_t j = 0; j < g.cols; ++j) {
        into[j] = (static_cast<float>(row[j]) - the_offset) * the_scale;
      }
    }
  }
}

}  // namespace
}  // namespace minnow::cpu
