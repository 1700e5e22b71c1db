#pragma once

// Register-tiled matrix product: a tile of C stays in registers over the whole depth and is
// written once, with its epilogue.

#include <minnow/activation.h>

#include "kernel_table.h"
#include "vector.h"

namespace minnow::cpu {
namespace {

// Two vectors wide, as many rows as registers allow beside two of B and one broadcast of A:
// 28 of 32 accumulators with AVX-512, 12 of 16 with AVX2, 8 of 16 with SSE2 (which has no FMA and
// needs a register for the product).
constexpr int kTileRows = MINNOW_VECTOR_BYTES == 64 ? 14 : MINNOW_VECTOR_BYTES == 32 ? 6 : 4;

template <int kRows, int kVectors>
inline __attribute__((always_inline)) void gemm_tile(const GemmPanel& g, std::int64_t row,
                                                     std::int64_t col) {
  Vector c[kRows][kVectors] = {};
  if (g.accumulate) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        c[r][v] = load(g.c + (row + r) * g.c_row + col + v * kLanes);
      }
    }
  }
  const float* a = g.a + row * g.a_row;
  const float* b = g.b + col;
  const std::int64_t a_row = g.a_row;
  for (std::int64_t k = 0; k < g.depth; ++k) {
    Vector b_k[kVectors];
    for (int v = 0; v < kVectors; ++v) b_k[v] = load(b + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vector a_rk = broadcast(a[r * a_row]);
      for (int v = 0; v < kVectors; ++v) c[r][v] += a_rk * b_k[v];
    }
    a += g.a_depth;
    b += g.b_depth;
  }
  // `finish` is inlined once for each epilogue: no choice is left inside the loops.
  const auto write = [&](auto finish) __attribute__((always_inline)) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float* out = g.c + (row + r) * g.c_row + col;
      for (int v = 0; v < kVectors; ++v) store(out + v * kLanes, finish(c[r][v], r, v * kLanes));
    }
  };
  const float* extra = g.extra + col;
  switch (g.epilogue) {
    case Epilogue::store:
      return write([](Vector value, int, std::int64_t) { return value; });
    case Epilogue::bias:
      return write([=](Vector value, int, std::int64_t at) { return value + load(extra + at); });
    case Epilogue::bias_relu:
      return write([=](Vector value, int, std::int64_t at) {
        return Relu::value(value + load(extra + at), 0.0F);
      });
    case Epilogue::mask:
      return write([=, mask_row = g.extra_row](Vector value, int r, std::int64_t at) {
        const Vector mask = load(extra + (row + r) * mask_row + at);
        return (mask > Vector{}) ? value : Vector{};
      });
  }
}

// One instance per height, because a height known at compile time keeps the tile in registers.
template <int kVectors, int kRows>
inline void gemm_rows(const GemmPanel& g, std::int64_t row, std::int64_t col, std::int64_t rows) {
  if (rows == kRows) return gemm_tile<kRows, kVectors>(g, row, col);
  if constexpr (kRows > 1) gemm_rows<kVectors, kRows - 1>(g, row, col, rows);
}

template <int kVectors>
void gemm_columns(const GemmPanel& g, std::int64_t col) {
  // Nearly equal heights: 32 rows are 11 + 11 + 10 and never 14 + 14 + 4.
  const std::int64_t tiles = (g.rows + kTileRows - 1) / kTileRows;
  const std::int64_t height = tiles > 1 ? g.rows / tiles : g.rows;
  const std::int64_t taller = g.rows - height * tiles;
  std::int64_t row = 0;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t rows = height + (tile < taller ? 1 : 0);
    gemm_rows<kVectors, kTileRows>(g, row, col, rows);
    row += rows;
  }
}

// Rows row..row+count-1 of the one column that is no padding, from the registers' lanes.
inline void write_column(const GemmPanel& g, std::int64_t row, std::int64_t count, Vector column) {
  if (g.epilogue != Epilogue::store) column += g.extra[0];
  if (g.epilogue == Epilogue::bias_relu) column = Relu::value(column, 0.0F);
  // A vector: its padding may be written, the lanes behind the last row are zero.
  if (g.c_row == 1) return store(g.c + row, column);
  alignas(64) float values[kLanes];
  store(values, column);
  const std::int64_t width = g.width, stride = g.c_row;
  float* out = g.c + row * stride;
  for (std::int64_t i = 0; i < count; ++i, out += stride) {
    store(out, Vector{values[i]});
    for (std::int64_t col = kLanes; col < width; col += kLanes) store(out + col, Vector{});
  }
}

inline Vector read_column(const GemmPanel& g, std::int64_t row, std::int64_t count) {
  Vector column{};
  for (std::int64_t i = 0; g.accumulate && i < count; ++i) column[i] = g.c[(row + i) * g.c_row];
  return column;
}

// The product of a matrix and a vector: rows are in the lanes, so that each still sums in order.
// For A as it is, blocks of it are transposed in registers; a transposed A is there already.
void gemm_one_column(const GemmPanel& g) {
  for (std::int64_t row = 0; row < g.rows; row += kLanes) {
    const std::int64_t count = g.rows - row < kLanes ? g.rows - row : kLanes;
    const float* a = g.a + row * g.a_row;
    Vector c = read_column(g, row, count);
    if (g.a_row == 1) {
      for (std::int64_t k = 0; k < g.depth; ++k, a += g.a_depth) {
        const Vector a_k = count == kLanes ? load(a) : load_first(a, count);
        c += a_k * broadcast(g.b[k * g.b_depth]);
      }
    } else {
      for (std::int64_t first = 0; first < g.depth; first += kLanes) {
        Vector block[kLanes];  // rows are padded, so whole vectors may be read
        for (std::int64_t i = 0; i < kLanes; ++i) {
          block[i] = load(a + (i < count ? i : 0) * g.a_row + first);
        }
        transpose(block);
        const std::int64_t depth = g.depth - first < kLanes ? g.depth - first : kLanes;
        for (std::int64_t k = 0; k < depth; ++k) {
          c += block[k] * broadcast(g.b[(first + k) * g.b_depth]);
        }
      }
    }
    write_column(g, row, count, c);
  }
}

void gemm(const GemmPanel& g) {
  if (g.cols == 1 && g.epilogue != Epilogue::mask) return gemm_one_column(g);
  std::int64_t col = 0;
  for (; col + 2 * kLanes <= g.width; col += 2 * kLanes) gemm_columns<2>(g, col);
  for (; col < g.width; col += kLanes) gemm_columns<1>(g, col);
}

}  // namespace
}  // namespace minnow::cpu
