#pragma once

// The hot loops of the CPU backend, once per instruction set. Only raw pointers and plain structs
// go through this table.

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

struct AdamStep {
  float* p;
  const float* g;
  float* m;
  float* v;
  std::int64_t count;
  float rate;        // lr * sqrt(1 - beta2^t) / (1 - beta1^t)
  float new_share1;  // 1 - beta1: the gradient's share of m
  float new_share2;  // 1 - beta2
  float epsilon;     // times sqrt(1 - beta2^t) for the corrected form
  bool approximate;  // root and quotient within 2^-22
};

/// Rows begin..end-1 of a loss; ld: floats from row to row.
struct LossRows {
  const float* input;   // predictions, logits or probabilities
  const float* values;  // target rows, or null
  const std::int32_t* labels;
  float* gradient;  // or null
  float* row_loss;
  std::int32_t* row_correct;  // of classes
  std::int64_t begin;
  std::int64_t end;
  std::int64_t cols;
  std::int64_t ld;
  float gradient_scale;  // of classes 1 / batch, of squares 2 / (batch * cols)
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
  void (*relu)(const float* x, float* y, std::int64_t count);
  void (*relu_grad)(const float* dy, const float* y, float* dx, std::int64_t count);
  /// From `sums` on with `accumulate`: the same bits as all rows at once.
  void (*column_sums)(const float* x, std::int64_t rows, std::int64_t ld, std::int64_t first_col,
                      std::int64_t cols, bool accumulate, float* sums);
  void (*softmax)(const float* x, float* y, std::int64_t cols, std::int64_t padded);
  void (*softmax_grad)(const float* dy, const float* y, float* dx, std::int64_t cols,
                       std::int64_t padded);
  /// The loss of a row is its sum of squared differences.
  void (*mse)(const LossRows&);
  void (*softmax_cross_entropy)(const LossRows&);
  void (*cross_entropy)(const LossRows&);
  /// False when one of the numbers is NaN or infinite.
  bool (*all_finite)(const float* x, std::int64_t count);
  void (*adam)(const AdamStep&);
  void (*sgd)(float* p, const float* g, float* velocity, std::int64_t count, float rate,
              float momentum);
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
