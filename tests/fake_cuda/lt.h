#pragma once

// The fake cuBLASLt's own objects behind the opaque handles, and the algorithms that it knows.

#include <cublasLt.h>

#include <optional>
#include <string>
#include <vector>

#include "state.h"

struct cublasLtContext {};

namespace fakecuda::lt {

struct Operation {
  std::int32_t compute = CUBLAS_COMPUTE_32F;
  std::int32_t scale = CUDA_R_32F;
  std::int32_t pointer_mode = CUBLASLT_POINTER_MODE_HOST;
  std::int32_t transpose_a = CUBLAS_OP_N;
  std::int32_t transpose_b = CUBLAS_OP_N;
  std::int32_t transpose_c = CUBLAS_OP_N;
  std::int32_t fill = CUBLAS_FILL_MODE_FULL;
  std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  void* bias = nullptr;
  std::int64_t bias_stride = 0;
  std::int32_t bias_type = -1;
  void* aux = nullptr;
  std::int64_t aux_ld = 0;
  std::int64_t aux_stride = 0;
  std::int32_t aux_type = -1;
  std::int32_t sm_target = 0;
  std::int8_t fast_accumulation = 0;
};

struct Layout {
  std::uint32_t type = CUDA_R_32F;
  std::int32_t order = CUBLASLT_ORDER_COL;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::int64_t ld = 0;
  std::int32_t batches = 1;
  std::int64_t batch_stride = 0;
};

struct Preference {
  std::uint32_t search = CUBLASLT_SEARCH_BEST_FIT;
  std::uint64_t workspace = 0;
  std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  std::uint32_t alignment_a = 256;
  std::uint32_t alignment_b = 256;
  std::uint32_t alignment_c = 256;
  std::uint32_t alignment_d = 256;
  float waves = 0.0F;
  std::uint64_t implementations = ~std::uint64_t{0};
};

// What cublasLtMatmulAlgo_t holds.
struct Algorithm {
  std::uint64_t magic = kMagic;
  std::int32_t id = 0;
  std::int32_t split_k = 1;
  std::uint64_t flags = 0;
  std::uint64_t workspace = 0;
  std::uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_NONE;
  std::uint32_t alignment = 0;  // of A, B, C and D, in bytes
  std::uint32_t epilogue = 0;
  std::int32_t compute = 0;
  std::uint32_t type_ab = 0;
  std::uint32_t type_d = 0;
  static constexpr std::uint64_t kMagic = 0x6D696E6E6F77;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

// One multiplication with its layouts. Outlives the descriptors, since the work is deferred.
struct Problem {
  Operation operation;
  Layout a;
  Layout b;
  Layout c;
  Layout d;

  std::uint64_t m() const { return d.rows; }
  std::uint64_t n() const { return d.columns; }
  std::uint64_t k() const { return operation.transpose_a == CUBLAS_OP_N ? a.columns : a.rows; }
  bool uses(std::uint32_t flags) const { return (operation.epilogue & flags) != 0; }
  bool has_bias() const;
  bool has_mask() const { return uses(128); }
  std::uint64_t bias_length() const;
  std::uint32_t bias_type() const;
};

// What cublasLtMatmul got besides the problem.
struct Buffers {
  float alpha = 1.0F;
  float beta = 0.0F;
  const void* a = nullptr;
  const void* b = nullptr;
  const void* c = nullptr;
  void* d = nullptr;
  void* workspace = nullptr;
  std::uint64_t workspace_bytes = 0;
};

std::size_t element_size(std::uint32_t type);
// The status for shapes and attributes that contradict each other, then for what has no algorithm.
cublasStatus_t check(const Problem& problem);
std::vector<Algorithm> algorithms(const Problem& problem, const Preference& preference);
cublasStatus_t check_buffers(const Problem& problem, const Algorithm& algorithm,
                             const Buffers& buffers);
// On the device: throws DeviceFault for an operand outside its allocation.
void multiply(const Problem& problem, const Algorithm& algorithm, const Buffers& buffers);

// Objects by handle; nullptr for one that is not live.
template <class T, class Handle>
T* find(Handle handle, const char* kind) {
  if (!state().objects.has(handle, kind)) return nullptr;
  return reinterpret_cast<T*>(handle);
}

}  // namespace fakecuda::lt
