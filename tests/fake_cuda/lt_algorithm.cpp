// What the fake cuBLASLt supports, which algorithms it offers, and what each asks for.

#include <algorithm>
#include <cstring>

#include "lt.h"
#include "stream.h"

namespace fakecuda::lt {
namespace {

constexpr std::uint64_t kWorkspace = 64 << 10;  // of the first algorithm
constexpr std::uint64_t kMaskLdBits = 128;

bool is_transpose(std::int32_t operation) {
  return operation == CUBLAS_OP_N || operation == CUBLAS_OP_T;
}

cublasStatus_t unsupported(const std::string& why) {
  complain("cuBLASLt has no algorithm: " + why);
  return CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t invalid(const std::string& why) {
  complain("cuBLASLt: " + why);
  return CUBLAS_STATUS_INVALID_VALUE;
}

bool fits(const Layout& layout, std::uint64_t rows, std::uint64_t columns) {
  return layout.rows == rows && layout.columns == columns;
}

bool is_usable(const Layout& layout) {
  return layout.rows > 0 && layout.columns > 0 && layout.ld > 0 &&
         static_cast<std::uint64_t>(layout.ld) >= layout.rows;
}

bool is_known_epilogue(std::uint32_t epilogue) {
  switch (epilogue) {
    case CUBLASLT_EPILOGUE_DEFAULT:
    case CUBLASLT_EPILOGUE_RELU:
    case CUBLASLT_EPILOGUE_BIAS:
    case CUBLASLT_EPILOGUE_RELU_BIAS:
    case CUBLASLT_EPILOGUE_RELU_AUX:
    case CUBLASLT_EPILOGUE_RELU_AUX_BIAS:
    case CUBLASLT_EPILOGUE_DRELU:
    case CUBLASLT_EPILOGUE_DRELU_BGRAD:
    case CUBLASLT_EPILOGUE_BGRADA:
    case CUBLASLT_EPILOGUE_BGRADB:
      return true;
    default:
      return false;
  }
}

cublasStatus_t check_epilogue(const Problem& problem) {
  const Operation& operation = problem.operation;
  if (problem.has_bias() && operation.bias == nullptr) {
    return invalid("epilogue " + std::to_string(operation.epilogue) + " without a bias pointer");
  }
  if (problem.has_mask()) {
    const auto ld = static_cast<std::uint64_t>(operation.aux_ld);
    if (operation.aux == nullptr || operation.aux_ld <= 0 || ld % kMaskLdBits != 0 ||
        ld < problem.m()) {
      return invalid("epilogue " + std::to_string(operation.epilogue) +
                     " wants an aux pointer and an aux ld that is a multiple of 128 and at least " +
                     std::to_string(problem.m()) + ", not " + std::to_string(operation.aux_ld));
    }
    if (reinterpret_cast<std::uintptr_t>(operation.aux) % 16 != 0) {
      return invalid("the aux pointer is not aligned to 16 bytes");
    }
  }
  if (!is_known_epilogue(operation.epilogue)) {
    return unsupported("epilogue " + std::to_string(operation.epilogue));
  }
  if (problem.has_bias() && problem.bias_type() != problem.d.type &&
      !state().settings.lt_bias_any) {
    return unsupported("a bias of another type than D");
  }
  if (problem.has_mask() && operation.aux_type != -1) return unsupported("a type for a bit mask");
  return CUBLAS_STATUS_SUCCESS;
}

std::uint32_t known_alignment(const Layout& layout, std::uint32_t preferred) {
  constexpr std::uint64_t kVector = 16;
  const auto size = element_size(layout.type);
  const bool aligned =
      preferred >= kVector && static_cast<std::uint64_t>(layout.ld) * size % kVector == 0;
  return static_cast<std::uint32_t>(aligned ? kVector : size);
}

}  // namespace

bool Problem::has_bias() const {
  return uses(CUBLASLT_EPILOGUE_BIAS) || uses(16) || uses(CUBLASLT_EPILOGUE_BGRADA) ||
         uses(CUBLASLT_EPILOGUE_BGRADB);
}

std::uint64_t Problem::bias_length() const { return uses(CUBLASLT_EPILOGUE_BGRADB) ? n() : m(); }

std::uint32_t Problem::bias_type() const {
  return operation.bias_type == -1 ? d.type : static_cast<std::uint32_t>(operation.bias_type);
}

std::size_t element_size(std::uint32_t type) { return type == CUDA_R_16BF ? 2 : 4; }

cublasStatus_t check(const Problem& problem) {
  const Operation& operation = problem.operation;
  if (!is_transpose(operation.transpose_a) || !is_transpose(operation.transpose_b)) {
    return unsupported("a conjugate transpose");
  }
  for (const Layout* layout : {&problem.a, &problem.b, &problem.c, &problem.d}) {
    if (!is_usable(*layout)) return invalid("a matrix with no elements or ld less than its rows");
    if (layout->batches != 1) return unsupported("batches");
    if (layout->order != CUBLASLT_ORDER_COL) return unsupported("an order other than columns");
  }
  const bool plain_a = operation.transpose_a == CUBLAS_OP_N;
  const bool plain_b = operation.transpose_b == CUBLAS_OP_N;
  const std::uint64_t m = problem.m();
  const std::uint64_t n = problem.n();
  const std::uint64_t k = problem.k();
  if (!fits(problem.a, plain_a ? m : k, plain_a ? k : m) ||
      !fits(problem.b, plain_b ? k : n, plain_b ? n : k) || !fits(problem.c, m, n)) {
    return invalid("the shapes of A, B, C and D do not fit together");
  }
  const bool floats = problem.a.type == CUDA_R_32F && problem.d.type == CUDA_R_32F;
  const bool halves = problem.a.type == CUDA_R_16BF &&
                      (problem.d.type == CUDA_R_16BF || problem.d.type == CUDA_R_32F);
  if ((!floats && !halves) || problem.a.type != problem.b.type ||
      problem.c.type != problem.d.type || operation.scale != CUDA_R_32F) {
    return unsupported("this combination of types");
  }
  const bool strict =
      operation.compute == CUBLAS_COMPUTE_32F || operation.compute == CUBLAS_COMPUTE_32F_PEDANTIC;
  const bool fast = operation.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ||
                    operation.compute == CUBLAS_COMPUTE_32F_FAST_16BF;
  if (!strict && !(fast && floats)) return unsupported("this compute type");
  if (operation.pointer_mode != CUBLASLT_POINTER_MODE_HOST ||
      operation.transpose_c != CUBLAS_OP_N || operation.fill != CUBLAS_FILL_MODE_FULL) {
    return unsupported("a pointer mode, a transpose of C or a fill mode that is not modelled");
  }
  return check_epilogue(problem);
}

std::vector<Algorithm> algorithms(const Problem& problem, const Preference& preference) {
  const Operation& operation = problem.operation;
  if (state().settings.lt_refuse.contains(operation.epilogue)) return {};

  Algorithm base;
  base.epilogue = operation.epilogue;
  base.compute = operation.compute;
  base.type_ab = problem.a.type;
  base.type_d = problem.d.type;
  base.alignment = std::min({known_alignment(problem.a, preference.alignment_a),
                             known_alignment(problem.b, preference.alignment_b),
                             known_alignment(problem.c, preference.alignment_c),
                             known_alignment(problem.d, preference.alignment_d)});
  constexpr std::uint64_t kTensor =
      CUBLASLT_NUMERICAL_IMPL_FLAGS_HMMA | CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F;
  constexpr std::uint64_t kTf32 = kTensor | CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_TF32;
  base.flags = CUBLASLT_NUMERICAL_IMPL_FLAGS_FMA | CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F |
               CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F;
  constexpr std::uint32_t kVector = 16;
  if (problem.a.type == CUDA_R_16BF || operation.compute == CUBLAS_COMPUTE_32F_FAST_16BF) {
    base.flags = kTensor | CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF;
  } else if (operation.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && base.alignment == kVector) {
    base.flags = kTf32;
  }

  std::vector<Algorithm> found;
  if (state().settings.lt_tf32 && operation.compute == CUBLAS_COMPUTE_32F &&
      problem.a.type == CUDA_R_32F) {
    Algorithm wrong = base;  // ignores the mask of implementations too: a library that misbehaves
    wrong.id = 99;
    wrong.flags = kTf32;
    found.push_back(wrong);
  }
  Algorithm split = base;
  split.id = 20;
  split.split_k = 2;
  split.reduction = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  split.workspace = kWorkspace;
  base.id = 10;
  for (const Algorithm& candidate : {split, base}) {
    const bool reduces = candidate.reduction == CUBLASLT_REDUCTION_SCHEME_NONE ||
                         (candidate.reduction & preference.reductions) != 0;
    if (candidate.workspace <= preference.workspace && reduces &&
        (candidate.flags & ~preference.implementations) == 0) {
      found.push_back(candidate);
    }
  }
  return found;
}

}  // namespace fakecuda::lt

namespace lt = fakecuda::lt;

namespace {

lt::Algorithm unpack(const cublasLtMatmulAlgo_t& algo) {
  lt::Algorithm algorithm;
  std::memcpy(static_cast<void*>(&algorithm), &algo, sizeof(algorithm));
  return algorithm;
}

template <class T>
cublasStatus_t give(T value, void* to, std::size_t bytes, std::size_t* written) {
  if (bytes == 0 && written == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (bytes != 0 && (to == nullptr || bytes != sizeof(T))) return CUBLAS_STATUS_INVALID_VALUE;
  if (bytes != 0) std::memcpy(to, &value, sizeof(T));
  if (written != nullptr) *written = sizeof(T);
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

extern "C" {

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
                                              cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int* returned) {
  const fakecuda::Entry entry("cublasLtMatmulAlgoGetHeuristic");
  if (returned != nullptr) *returned = 0;
  if (!entry) return static_cast<cublasStatus_t>(entry.code());
  if (lt::find<cublasLtContext>(handle, "cublasLt handle") == nullptr) {
    return CUBLAS_STATUS_NOT_INITIALIZED;
  }
  const auto* const op = lt::find<lt::Operation>(operation, "cublasLtMatmulDesc");
  const auto* const wish = lt::find<lt::Preference>(preference, "cublasLtMatmulPreference");
  const auto* const la = lt::find<lt::Layout>(a, "cublasLtMatrixLayout");
  const auto* const lb = lt::find<lt::Layout>(b, "cublasLtMatrixLayout");
  const auto* const lc = lt::find<lt::Layout>(c, "cublasLtMatrixLayout");
  const auto* const ld = lt::find<lt::Layout>(d, "cublasLtMatrixLayout");
  if (op == nullptr || wish == nullptr || la == nullptr || lb == nullptr || lc == nullptr ||
      ld == nullptr || results == nullptr || returned == nullptr || requested <= 0) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (fakecuda::any_capture()) {
    fakecuda::complain("cublasLtMatmulAlgoGetHeuristic during a capture");
    return CUBLAS_STATUS_INTERNAL_ERROR;
  }
  const lt::Problem problem{*op, *la, *lb, *lc, *ld};
  if (const cublasStatus_t status = lt::check(problem); status != CUBLAS_STATUS_SUCCESS) {
    return status;
  }
  for (const lt::Algorithm& algorithm : lt::algorithms(problem, *wish)) {
    if (*returned == requested) break;
    cublasLtMatmulHeuristicResult_t& result = results[(*returned)++];
    result = {};
    std::memcpy(&result.algo, &algorithm, sizeof(algorithm));
    result.workspaceSize = algorithm.workspace;
    result.state = CUBLAS_STATUS_SUCCESS;
    result.wavesCount = 1.0F;
  }
  return *returned > 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmulAlgoCapGetAttribute(const cublasLtMatmulAlgo_t* algo,
                                                 cublasLtMatmulAlgoCapAttributes_t attribute,
                                                 void* value, std::size_t bytes,
                                                 std::size_t* written) {
  const fakecuda::Entry entry("cublasLtMatmulAlgoCapGetAttribute");
  if (!entry) return static_cast<cublasStatus_t>(entry.code());
  if (algo == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  const lt::Algorithm algorithm = unpack(*algo);
  if (algorithm.magic != lt::Algorithm::kMagic) return CUBLAS_STATUS_INVALID_VALUE;
  switch (attribute) {
    case CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS:
      return give(algorithm.flags, value, bytes, written);
    case CUBLASLT_ALGO_CAP_EPILOGUE_MASK:
      return give(algorithm.epilogue, value, bytes, written);
    case CUBLASLT_ALGO_CAP_REDUCTION_SCHEME_MASK:
      return give(algorithm.reduction, value, bytes, written);
    case CUBLASLT_ALGO_CAP_SPLITK_SUPPORT:
      return give(std::int32_t{algorithm.split_k > 1 ? 1 : 0}, value, bytes, written);
    case CUBLASLT_ALGO_CAP_MIN_ALIGNMENT_A_BYTES:
    case CUBLASLT_ALGO_CAP_MIN_ALIGNMENT_B_BYTES:
    case CUBLASLT_ALGO_CAP_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_ALGO_CAP_MIN_ALIGNMENT_D_BYTES:
      return give(algorithm.alignment, value, bytes, written);
    default:
      fakecuda::complain("cublasLtMatmulAlgoCap " + std::to_string(attribute) + " is not modelled");
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t* algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute,
                                                    void* value, std::size_t bytes,
                                                    std::size_t* written) {
  const fakecuda::Entry entry("cublasLtMatmulAlgoConfigGetAttribute");
  if (!entry) return static_cast<cublasStatus_t>(entry.code());
  if (algo == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  const lt::Algorithm algorithm = unpack(*algo);
  if (algorithm.magic != lt::Algorithm::kMagic) return CUBLAS_STATUS_INVALID_VALUE;
  switch (attribute) {
    case CUBLASLT_ALGO_CONFIG_ID:
      return give(algorithm.id, value, bytes, written);
    case CUBLASLT_ALGO_CONFIG_SPLITK_NUM:
      return give(algorithm.split_k, value, bytes, written);
    case CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME:
      return give(algorithm.reduction, value, bytes, written);
    case CUBLASLT_ALGO_CONFIG_TILE_ID:
    case CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING:
    case CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION:
    case CUBLASLT_ALGO_CONFIG_STAGES_ID:
      return give(std::uint32_t{0}, value, bytes, written);
    case CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID:
    case CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID:
      return give(std::uint16_t{0}, value, bytes, written);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

}  // extern "C"
