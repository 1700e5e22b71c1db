#include "gemm.h"

#include <algorithm>
#include <utility>

#include "text.h"

namespace minnow::cuda {
namespace {

cudaDataType type_of(bool bf16) { return bf16 ? CUDA_R_16BF : CUDA_R_32F; }

/// What a pointer is aligned to, in bytes, up to the 256 that cuBLASLt would assume.
std::uint32_t alignment_of(const void* pointer) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  return static_cast<std::uint32_t>(std::min<std::uintptr_t>(address & (~address + 1), 256));
}

const char* text_of(cublasLtEpilogue_t epilogue) {
  switch (epilogue) {
    case CUBLASLT_EPILOGUE_RELU:
    case CUBLASLT_EPILOGUE_RELU_AUX:
      return ", ReLU in the epilogue";
    case CUBLASLT_EPILOGUE_BIAS:
      return ", bias in the epilogue";
    case CUBLASLT_EPILOGUE_RELU_BIAS:
    case CUBLASLT_EPILOGUE_RELU_AUX_BIAS:
      return ", bias and ReLU in the epilogue";
    case CUBLASLT_EPILOGUE_DRELU:
      return ", ReLU gradient in the epilogue";
    case CUBLASLT_EPILOGUE_DRELU_BGRAD:
      return ", ReLU and bias gradient in the epilogue";
    case CUBLASLT_EPILOGUE_BGRADB:
      return ", bias gradient in the epilogue";
    default:
      return "";
  }
}

template <class T>
void set(const Lt& lt, cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t which,
         const T& value) {
  lt.check(lt.desc_set(desc, which, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
}

template <class T>
void set(const Lt& lt, cublasLtMatmulPreference_t preference,
         cublasLtMatmulPreferenceAttributes_t which, const T& value) {
  lt.check(lt.preference_set(preference, which, &value, sizeof value),
           "cublasLtMatmulPreferenceSetAttribute");
}

constexpr std::uint64_t kTensorCores = CUBLASLT_NUMERICAL_IMPL_FLAGS_TENSOR_OP_MASK;
constexpr std::uint64_t kRoundedInputs =
    CUBLASLT_NUMERICAL_IMPL_FLAGS_OP_INPUT_TYPE_MASK & ~CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F;

bool is_strict(std::uint64_t implementation) {
  return (implementation & (kTensorCores | kRoundedInputs)) == 0;
}

}  // namespace

Gemm::Gemm(const Lt& lt, const Product& product, Precision precision)
    : lt_(&lt),
      product_(product),
      desc_(nullptr, lt.desc_destroy),
      a_(nullptr, lt.layout_destroy),
      b_(nullptr, lt.layout_destroy),
      d_(nullptr, lt.layout_destroy) {
  const Product& p = product_;
  const auto compute =
      precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  cublasLtMatmulDesc_t desc = nullptr;
  lt.check(lt.desc_create(&desc, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
  desc_.reset(desc);
  const auto operation = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  set(lt, desc, CUBLASLT_MATMUL_DESC_TRANSA, operation(p.transpose_a));
  set(lt, desc, CUBLASLT_MATMUL_DESC_TRANSB, operation(p.transpose_b));
  // Before the heuristic is asked: it looks at what these pointers are aligned to.
  set(lt, desc, CUBLASLT_MATMUL_DESC_EPILOGUE, p.epilogue);
  if (p.bias != nullptr) set(lt, desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
  if (p.aux != nullptr) {
    set(lt, desc, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, p.aux);
    set(lt, desc, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, p.aux_ld);
  }
  a_ = layout(p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.lda, p.factors_bf16);
  b_ = layout(p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.ldb, p.factors_bf16);
  d_ = layout(p.m, p.n, p.ldd, p.d_bf16);
}

Gemm::Layout Gemm::layout(std::int64_t rows, std::int64_t cols, std::int64_t ld, bool bf16) const {
  cublasLtMatrixLayout_t made = nullptr;
  lt_->check(lt_->layout_create(&made, type_of(bf16), static_cast<std::uint64_t>(rows),
                                static_cast<std::uint64_t>(cols), ld),
             "cublasLtMatrixLayoutCreate");
  return {made, lt_->layout_destroy};
}

bool Gemm::choose(Precision precision, std::string& refusal) {
  const Lt& lt = *lt_;
  cublasLtMatmulPreference_t made = nullptr;
  lt.check(lt.preference_create(&made), "cublasLtMatmulPreferenceCreate");
  const std::unique_ptr<cublasLtMatmulPreferenceOpaque_t,
                        decltype(&cublasLtMatmulPreferenceDestroy)>
      preference(made, lt.preference_destroy);
  set(lt, made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
      static_cast<std::uint64_t>(lt.workspace_bytes()));
  set(lt, made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(product_.a));
  set(lt, made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(product_.b));
  set(lt, made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(product_.d));
  set(lt, made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(product_.d));
  // Partial sums of a product that is cut along k are not rounded to bfloat16 between.
  set(lt, made, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_NONE |
                                 CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  cublasLtMatmulHeuristicResult_t results[8] = {};
  int found = 0;
  const cublasStatus_t status = lt.heuristic(lt.handle(), desc_.get(), a_.get(), b_.get(), d_.get(),
                                             d_.get(), made, 8, results, &found);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) {
    refusal = cat("cublasLtMatmulAlgoGetHeuristic -> ", lt.text_of(status));
    return false;
  }
  lt.check(status, "cublasLtMatmulAlgoGetHeuristic");
  refusal = "cuBLASLt has no algorithm for it";
  for (int i = 0; i < found; ++i) {
    if (results[i].state != CUBLAS_STATUS_SUCCESS) continue;
    std::size_t written = 0;
    lt.check(lt.algo_cap(&results[i].algo, CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS, &implementation_,
                         sizeof implementation_, &written),
             "cublasLtMatmulAlgoCapGetAttribute");
    if (precision == Precision::fp32 && !is_strict(implementation_)) {
      refusal = "cuBLASLt's algorithms for it round the factors";
      continue;
    }
    algorithm_ = results[i].algo;
    refusal.clear();
    return true;
  }
  return false;
}

std::optional<Gemm> Gemm::find(const Lt& lt, const Product& product, Precision precision,
                               std::string& refusal) {
  Gemm gemm(lt, product, precision);
  if (!gemm.choose(precision, refusal)) return std::nullopt;
  return gemm;
}

void Gemm::run(cudaStream_t stream) const {
  constexpr float kOne = 1.0F;
  const Product& p = product_;
  const float beta = p.accumulate ? 1.0F : 0.0F;
  lt_->check(lt_->matmul(lt_->handle(), desc_.get(), &kOne, p.a, a_.get(), p.b, b_.get(), &beta,
                         p.d, d_.get(), p.d, d_.get(), &algorithm_, lt_->workspace(),
                         static_cast<std::size_t>(lt_->workspace_bytes()), stream),
             "cublasLtMatmul");
}

bool Gemm::is_strict_fp32() const noexcept { return is_strict(implementation_); }

std::string Gemm::describe() const {
  return cat("cuBLASLt", text_of(product_.epilogue),
             product_.accumulate ? ", added to the slices before" : "");
}

}  // namespace minnow::cuda
