#pragma once

// A program's block of device memory, beside the arena: what is in it, and where.

#include <minnow/activation_plan.h>
#include <minnow/backend.h>
#include <minnow/base/block_layout.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/kernels.h"

namespace minnow::cuda {

/// The last layer, its loss and, in a training step, the layer's gradients: indices of ops that one
/// kernel can do together.
struct HeadOps {
  int linear = -1;
  int loss = -1;
  int input_grad = -1;  // -1: none
  int weight_grad = -1;
  int bias_grad = -1;
};
/// Of the first slice, in a step in slices: those are not merged.
std::optional<HeadOps> find_head(const Program& program);

/// Whether a program has products beside those of its head: a library computes them.
bool needs_product(const Program& program);

/// Byte offsets in the block, and how values are stored there.
struct Storage {
  Storage(const Program& program, Precision precision, std::int64_t max_steps);

  MemoryPlan plan() const {
    return {.activations = activation_bytes, .workspace = bytes - activation_bytes};
  }

  std::vector<std::int64_t> values;  // by ValueId; -1: in the arena, or not needed
  /// By ValueId: stored as bfloat16. With Precision::bf16 the factors of products are.
  std::vector<bool> low;
  /// By ValueId: one bit per number, set where it is positive; -1: no op asks.
  std::vector<std::int64_t> masks;
  std::int64_t offset = 0;  // of the input transform
  std::int64_t scale = 0;
  std::int64_t row_loss = 0;
  std::int64_t row_correct = 0;
  std::int64_t run_state = 0;
  std::int64_t outcomes = 0;
  std::int64_t activation_bytes = 0;
  std::int64_t bytes = 0;

 private:
  void place_masks(const Program& program, BlockLayout& layout);
};

/// Bits from column to column of a mask for values of so many columns.
constexpr std::int64_t mask_ld(std::int64_t cols) { return (cols + 127) / 128 * 128; }

}  // namespace minnow::cuda
