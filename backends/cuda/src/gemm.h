#pragma once

#include <minnow/backend.h>

#include <cublasLt.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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
  /// What cuBLASLt proposes, the likely fastest first, without algorithms that do not keep to the
  /// precision. Asks the heuristic once. Empty: `refusal` says why. @throws CallFailure.
  static std::vector<Gemm> find(const Lt& lt, const Product& product, Precision precision,
                                std::string& refusal);

  /// @throws CallFailure.
  void run(cudaStream_t stream) const;
  /// "cuBLASLt, bias and ReLU in the epilogue"
  std::string describe() const;

 private:
  struct Problem;

  Gemm(std::shared_ptr<const Problem> problem, int choice, const cublasLtMatmulAlgo_t& algorithm)
      : problem_(std::move(problem)), choice_(choice), algorithm_(algorithm) {}

  std::shared_ptr<const Problem> problem_;
  int choice_;  // among what cuBLASLt proposes, from 1
  cublasLtMatmulAlgo_t algorithm_;
};

}  // namespace minnow::cuda
