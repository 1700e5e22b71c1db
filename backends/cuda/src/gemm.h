#pragma once

#include <minnow/backend.h>

#include <cublasLt.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lt.h"

namespace minnow::cuda {

/// D = or += op(A) op(B), column-major, with an epilogue. Row-major matrices are their transposes.
struct Product {
  bool transpose_a = false;
  bool transpose_b = false;
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  const void* a = nullptr;
  std::int64_t lda = 0;
  const void* b = nullptr;
  std::int64_t ldb = 0;
  void* d = nullptr;
  std::int64_t ldd = 0;
  bool factors_bf16 = false;
  bool d_bf16 = false;
  bool accumulate = false;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  void* bias = nullptr;     // read by BIAS, written by BGRAD; of D's type
  void* aux = nullptr;      // the ReLU mask, one bit for each element
  std::int64_t aux_ld = 0;  // bits from column to column, a multiple of 128
};

/// A product as cuBLASLt will compute it: descriptors made, algorithm chosen.
class Gemm {
 public:
  /// Asks the heuristic once. Empty, with the reason in `refusal`, when cuBLASLt has no algorithm
  /// for this, or none that keeps to the precision. @throws CallFailure.
  static std::optional<Gemm> find(const Lt& lt, const Product& product, Precision precision,
                                  std::string& refusal);

  /// @throws CallFailure.
  void run(cudaStream_t stream) const;
  /// "cuBLASLt, bias and ReLU in the epilogue"
  std::string describe() const;
  /// Whether no tensor core works and no factor is rounded, by the algorithm's own account.
  bool is_strict_fp32() const noexcept;
  const Product& product() const noexcept { return product_; }

 private:
  using Desc = std::unique_ptr<cublasLtMatmulDescOpaque_t, decltype(&cublasLtMatmulDescDestroy)>;
  using Layout =
      std::unique_ptr<cublasLtMatrixLayoutOpaque_t, decltype(&cublasLtMatrixLayoutDestroy)>;

  Gemm(const Lt& lt, const Product& product, Precision precision);
  Layout layout(std::int64_t rows, std::int64_t cols, std::int64_t ld, bool bf16) const;
  bool choose(Precision precision, std::string& refusal);

  const Lt* lt_;
  Product product_;
  Desc desc_;
  Layout a_;
  Layout b_;
  Layout d_;
  cublasLtMatmulAlgo_t algorithm_{};
  std::uint64_t implementation_ = 0;  // CUBLASLT_NUMERICAL_IMPL_FLAGS_...
};

}  // namespace minnow::cuda
