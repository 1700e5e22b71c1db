#pragma once

// The hot loops of the CPU backend, once per instruction set. Only raw pointers and plain structs
// go through this table.

#include <minnow/activation.h>
#include <minnow/loss_function.h>
#include <minnow/update_rule.h>

#include <cstdint>

namespace minnow::cpu {

enum class Epilogue : std::int32_t { store, bias, bias_relu, mask };

/// C (rows x width) = or += A (rows x depth) * B (depth x width), width a multiple of 16. A is read
/// with any row and depth stride, so that it may be a transposed matrix. A C of one column with
/// c_row 1 is a vector with room for a multiple of 16. Every element is one chain of multiply-adds
/// from depth 0 up, whatever the cut into rows and threads; += goes on with the chain that C holds,
/// so that a depth in pieces gives the same bits.
struct GemmPanel {
  const float* a;
  std::int64_t a_row;
  std::int64_t a_depth;
  const float* b;
  std::int64_t b_depth;
  float* c;
  std::int64_t c_row;
  std::int64_t rows;
  std::int64_t depth;
  std::int32_t width;
  std::int32_t cols;  // of the width: the others are padding
  bool accumulate;
  Epilogue epilogue;
  const float* extra;      // bias: `width` numbers; mask: rows x width
  std::int64_t extra_row;  // of the mask
};

/// C (rows x cols) = or += A (rows x depth) * B (depth x cols), row-major with strides; a
/// transposed operand is stored the other way round. For matrices larger than the caches.
struct EigenGemm {
  const float* a;
  std::int64_t a_stride;
  bool a_transposed;
  const float* b;
  std::int64_t b_stride;
  bool b_transposed;
  float* c;
  std::int64_t c_stride;
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t depth;
  bool accumulate;
  float* workspace;  // kEigenWorkspace floats, aligned to 64 bytes
};
inline constexpr std::int64_t kEigenBlockDepth = 256;
inline constexpr std::int64_t kEigenBlockCols = 512;
inline constexpr std::int64_t kEigenBlockRows = 512;
inline constexpr std::int64_t kEigenWorkspace =
    kEigenBlockDepth * (kEigenBlockCols + kEigenBlockRows);

/// minnow::Permutation of rows first..first+count-1 (random.h), of at most 2^32 rows.
struct PermutedRows {
  std::int64_t size;
  std::int32_t half_bits;
  std::uint32_t keys[4];
  std::int64_t first;
  std::int64_t count;
  std::int64_t* rows;  // of a multiple of 16
};

/// into = (row - offset) * scale for some rows of data, (count x cols) with `ld` floats from row to
/// row. offset and scale: one number, or one for each column.
struct GatherRows {
  const void* data;  // (any number of rows, cols)
  std::int64_t cols;
  const std::int64_t* rows;  // which
  std::int64_t count;
  float* into;
  std::int64_t ld;
  const float* offset;
  const float* scale;
  bool per_feature;
};

/// Numbers of the parameter arenas. `count` is a multiple of 16.
struct UpdateSpan {
  float* p;
  const float* g;
  float* state0;  // null where a rule keeps fewer
  float* state1;
  std::int32_t states;
  std::int64_t count;
};

/// Rows begin..end-1 of a loss; ld: floats from row to row.
struct LossRows {
  const float* input;   // predictions, logits or probabilities
  const float* values;  // target rows, or null
  const std::int32_t* labels;
  float* gradient;  // or null
  float* row_loss;
  std::int32_t* row_correct;  // or null
  std::int64_t begin;
  std::int64_t end;
  std::int64_t cols;
  std::int64_t ld;
  float parameter;       // of the loss function
  float row_scale;       // of a row's sum: weight, of single elements weight / cols
  float gradient_scale;  // row_scale / batch
  bool add;              // to what stands in row_loss
};

/// By ActivationKind, without the custom one. In place is allowed. What stands in the padding of x
/// is zero, and so is the padding of y.
struct ActivationKernels {
  static constexpr int kKinds = static_cast<int>(ActivationKind::custom);
  void (*value[kKinds])(const float* x, float* y, std::int64_t cols, std::int64_t padded,
                        float parameter);
  /// dx = dy times the slope at `saved`.
  void (*slope[kKinds])(const float* dy, const float* saved, float* dx, std::int64_t padded,
                        float parameter);
};

/// By LossKind.
struct LossKernels {
  void (*rows[static_cast<int>(LossKind::softmax_cross_entropy) + 1])(const LossRows&);
};

/// By the index in UpdateRules; `step` is the rule's own.
struct UpdateKernels {
  void (*numbers[kUpdateRules])(const void* step, const UpdateSpan&);
};

struct KernelTable {
  const char* isa;
  std::int32_t tile_rows;
  void (*gemm)(const GemmPanel&);
  void (*eigen_gemm)(const EigenGemm&);
  /// into (outputs x 32) = the transpose of 32 rows, first..first+31, of a weight stored as panels
  /// of `panel` columns, (inputs x panel); see layout.h.
  void (*transpose_panels)(const float* weight, std::int64_t inputs, std::int64_t outputs,
                           std::int64_t panel, std::int64_t first, float* into);
  void (*permute)(const PermutedRows&);
  void (*gather_f32)(const GatherRows&);
  void (*gather_u8)(const GatherRows&);
  void (*add_bias)(const float* x, const float* bias, float* y, std::int64_t count);
  ActivationKernels activations;
  /// From `sums` on with `accumulate`: the same bits as all rows at once.
  void (*column_sums)(const float* x, std::int64_t rows, std::int64_t ld, std::int64_t first_col,
                      std::int64_t cols, bool accumulate, float* sums);
  void (*softmax)(const float* x, float* y, std::int64_t cols, std::int64_t padded);
  void (*softmax_grad)(const float* dy, const float* y, float* dx, std::int64_t cols,
                       std::int64_t padded);
  LossKernels losses;
  /// The largest |x|; infinite or NaN when one of the numbers is.
  float (*largest_magnitude)(const float* x, std::int64_t count);
  UpdateKernels updates;
  /// Rounded to bfloat16 for onednn_plugin.h; `depth`, a multiple of 32, is filled up with zeros.
  /// A row of A; 32 columns of B from (rows x cols); (cols x depth) of A from (rows x cols).
  void (*bf16_row)(const float* from, std::int64_t cols, std::uint16_t* to, std::int64_t depth);
  void (*bf16_panel)(const float* from, std::int64_t stride, std::int64_t rows, std::int64_t cols,
                     std::uint16_t* to, std::int64_t depth);
  void (*bf16_transposed)(const float* from, std::int64_t stride, std::int64_t rows,
                          std::int64_t cols, std::uint16_t* to, std::int64_t depth);
};

extern "C" {
const KernelTable* minnow_cpu_kernels_v1();
const KernelTable* minnow_cpu_kernels_v3();
const KernelTable* minnow_cpu_kernels_v4();
void minnow_cpu_eigen_gemm_v1(const EigenGemm& gemm);
void minnow_cpu_eigen_gemm_v3(const EigenGemm& gemm);
void minnow_cpu_eigen_gemm_v4(const EigenGemm& gemm);
}

}  // namespace minnow::cpu
