#include "gemm.h"

#include <minnow/base/text.h>

#include <algorithm>
#include <utility>

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

/// Whether no tensor core works and no factor is rounded, by the algorithm's own account.
bool is_strict(const Lt& lt, const cublasLtMatmulAlgo_t& algorithm) {
  std::uint64_t implementation = 0;
  std::size_t written = 0;
  lt.check(lt.algo_cap(&algorithm, CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS, &implementation,
                       sizeof implementation, &written),
           "cublasLtMatmulAlgoCapGetAttribute");
  return (implementation & (kTensorCores | kRoundedInputs)) == 0;
}

template <class T>
using Owner = std::unique_ptr<T, cublasStatus_t (*)(T*)>;
using Layout = Owner<cublasLtMatrixLayoutOpaque_t>;

Layout layout(const Lt& lt, std::int64_t rows, std::int64_t cols, std::int64_t ld, bool bf16) {
  cublasLtMatrixLayout_t made = nullptr;
  lt.check(lt.layout_create(&made, type_of(bf16), static_cast<std::uint64_t>(rows),
                            static_cast<std::uint64_t>(cols), ld),
           "cublasLtMatrixLayoutCreate");
  return {made, lt.layout_destroy};
}

}  // namespace

struct Gemm::Problem {
  Problem(const Lt& library, const Product& wanted, Precision precision);

  const Lt& lt;
  Product product;
  Owner<cublasLtMatmulDescOpaque_t> desc;
  Layout a;
  Layout b;
  Layout d;
};

Gemm::Problem::Problem(const Lt& library, const Product& wanted, Precision precision)
    : lt(library),
      product(wanted),
      desc(nullptr, lt.desc_destroy),
      a(nullptr, lt.layout_destroy),
      b(nullptr, lt.layout_destroy),
      d(nullptr, lt.layout_destroy) {
  const Product& p = product;
  const auto compute =
      precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  cublasLtMatmulDesc_t made = nullptr;
  lt.check(lt.desc_create(&made, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
  desc.reset(made);
  const auto operation = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  set(lt, made, CUBLASLT_MATMUL_DESC_TRANSA, operation(p.transpose_a));
  set(lt, made, CUBLASLT_MATMUL_DESC_TRANSB, operation(p.transpose_b));
  // Before the heuristic is asked: it looks at what these pointers are aligned to.
  set(lt, made, CUBLASLT_MATMUL_DESC_EPILOGUE, p.epilogue);
  if (p.bias != nullptr) set(lt, made, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
  if (p.aux != nullptr) {
    set(lt, made, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, p.aux);
    set(lt, made, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, p.aux_ld);
  }
  a = layout(lt, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.lda, p.factors_bf16);
  b = layout(lt, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.ldb, p.factors_bf16);
  d = layout(lt, p.m, p.n, p.ldd, p.d_bf16);
}

std::vector<Gemm> Gemm::find(const Lt& lt, const Product& product, Precision precision,
                             std::string& refusal) {
  const auto problem = std::make_shared<const Problem>(lt, product, precision);
  cublasLtMatmulPreference_t made = nullptr;
  lt.check(lt.preference_create(&made), "cublasLtMatmulPreferenceCreate");
  const Owner<cublasLtMatmulPreferenceOpaque_t> preference(made, lt.preference_destroy);
  set(lt, made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
      static_cast<std::uint64_t>(lt.workspace_bytes()));
  set(lt, made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(product.a));
  set(lt, made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(product.b));
  set(lt, made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(product.d));
  set(lt, made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(product.d));
  if (product.d_bf16) {
    // Partial sums of a product that is cut along k are not rounded between.
    set(lt, made, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_NONE |
                                   CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  }
  constexpr int kMax = 8;
  cublasLtMatmulHeuristicResult_t results[kMax] = {};
  int proposed = 0;
  lt.check(lt.heuristic(lt.handle(), problem->desc.get(), problem->a.get(), problem->b.get(),
                        problem->d.get(), problem->d.get(), made, kMax, results, &proposed),
           "cublasLtMatmulAlgoGetHeuristic");
  refusal = "cuBLASLt has no algorithm for it";
  std::vector<Gemm> found;
  for (int i = 0; i < proposed; ++i) {
    if (results[i].state != CUBLAS_STATUS_SUCCESS) continue;
    if (precision == Precision::fp32 && !is_strict(lt, results[i].algo)) {
      refusal = "cuBLASLt's algorithms for it round the factors";
      continue;
    }
    found.push_back(Gemm(problem, static_cast<int>(found.size()) + 1, results[i].algo));
  }
  return found;
}

void Gemm::run(cudaStream_t stream) const {
  constexpr float kOne = 1.0F;
  const Problem& it = *problem_;
  const Product& p = it.product;
  const float beta = p.accumulate ? 1.0F : 0.0F;
  it.lt.check(it.lt.matmul(it.lt.handle(), it.desc.get(), &kOne, p.a, it.a.get(), p.b, it.b.get(),
                           &beta, p.d, it.d.get(), p.d, it.d.get(), &algorithm_, it.lt.workspace(),
                           static_cast<std::size_t>(it.lt.workspace_bytes()), stream),
              "cublasLtMatmul");
}

std::string Gemm::describe() const {
  const Product& p = problem_->product;
  return cat("cuBLASLt", text_of(p.epilogue), p.accumulate ? ", added to the slices before" : "",
             choice_ == 1 ? "" : cat(", choice ", choice_));
}

}  // namespace minnow::cuda
