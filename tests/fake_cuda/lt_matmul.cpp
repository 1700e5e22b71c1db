// cublasLtMatmul: plain loops, summed in double, with the epilogues of the documentation.

#include <cuda_bf16.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include "lt.h"
#include "stream.h"

namespace fakecuda::lt {
namespace {

double load(const void* start, std::uint64_t index, std::uint32_t type) {
  if (type == CUDA_R_16BF) {
    return static_cast<double>(__bfloat162float(static_cast<const __nv_bfloat16*>(start)[index]));
  }
  return static_cast<double>(static_cast<const float*>(start)[index]);
}

void save(void* start, std::uint64_t index, std::uint32_t type, double value) {
  if (type == CUDA_R_16BF) {
    static_cast<__nv_bfloat16*>(start)[index] = __float2bfloat16(static_cast<float>(value));
  } else {
    static_cast<float*>(start)[index] = static_cast<float>(value);
  }
}

// The rounding of what a tensor core reads: TF32 keeps 10 bits of the fraction, bfloat16 7.
double as_read(double value, std::uint64_t flags) {
  const auto single = static_cast<float>(value);
  if (!std::isfinite(single)) return value;
  if ((flags & CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF) != 0) {
    return static_cast<double>(__bfloat162float(__float2bfloat16(single)));
  }
  if ((flags & CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_TF32) == 0) return value;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &single, sizeof(bits));
  constexpr std::uint32_t kDropped = 13;
  bits = (bits + (1U << (kDropped - 1))) >> kDropped << kDropped;
  float rounded = 0.0F;
  std::memcpy(&rounded, &bits, sizeof(rounded));
  return static_cast<double>(rounded);
}

// op(A) by rows or op(B) by columns: `lines` runs of k values each.
std::vector<double> pack(const void* start, const Layout& layout, bool by_column,
                         std::uint64_t lines, std::uint64_t k, std::uint64_t flags) {
  std::vector<double> packed(lines * k);
  const auto ld = static_cast<std::uint64_t>(layout.ld);
  for (std::uint64_t line = 0; line < lines; ++line) {
    for (std::uint64_t i = 0; i < k; ++i) {
      const std::uint64_t at = by_column ? line * ld + i : i * ld + line;
      packed[line * k + i] = as_read(load(start, at, layout.type), flags);
    }
  }
  return packed;
}

// Where most of the time goes, over vectors of this file: no sanitizer looks at each number.
__attribute__((no_sanitize("address", "undefined"))) double dot(const double* a, const double* b,
                                                                std::uint64_t k) {
  double sum = 0.0;
  for (std::uint64_t at = 0; at < k; ++at) sum += a[at] * b[at];
  return sum;
}

struct Range {
  const char* name;
  const void* start;
  std::uint64_t bytes;
  bool written;
};

std::uint64_t matrix_bytes(const Layout& layout) {
  const auto ld = static_cast<std::uint64_t>(layout.ld);
  return ((layout.columns - 1) * ld + layout.rows) * element_size(layout.type);
}

std::vector<Range> ranges(const Problem& problem, const Algorithm& algorithm,
                          const Buffers& buffers) {
  const Operation& operation = problem.operation;
  std::vector<Range> all = {{"A", buffers.a, matrix_bytes(problem.a), false},
                            {"B", buffers.b, matrix_bytes(problem.b), false},
                            {"D", buffers.d, matrix_bytes(problem.d), true}};
  if (buffers.c != buffers.d) all.push_back({"C", buffers.c, matrix_bytes(problem.c), false});
  if (algorithm.workspace > 0) {
    all.push_back({"workspace", buffers.workspace, algorithm.workspace, true});
  }
  if (problem.has_bias()) {
    all.push_back({"bias", operation.bias,
                   problem.bias_length() * element_size(problem.bias_type()),
                   !problem.uses(CUBLASLT_EPILOGUE_BIAS)});
  }
  if (problem.has_mask()) {
    all.push_back({"aux", operation.aux,
                   static_cast<std::uint64_t>(operation.aux_ld) / 8 * problem.n(),
                   problem.uses(CUBLASLT_EPILOGUE_RELU)});
  }
  return all;
}

bool overlap(const Range& one, const Range& other) {
  const auto first = reinterpret_cast<std::uintptr_t>(one.start);
  const auto second = reinterpret_cast<std::uintptr_t>(other.start);
  return first < second + other.bytes && second < first + one.bytes;
}

bool mask_bit(const Problem& problem, std::uint64_t i, std::uint64_t j) {
  const std::uint64_t bit = j * static_cast<std::uint64_t>(problem.operation.aux_ld) + i;
  return (static_cast<const std::uint8_t*>(problem.operation.aux)[bit / 8] >> (bit % 8) & 1U) != 0;
}

void set_mask_bit(const Problem& problem, std::uint64_t i, std::uint64_t j, bool value) {
  const std::uint64_t bit = j * static_cast<std::uint64_t>(problem.operation.aux_ld) + i;
  auto& byte = static_cast<std::uint8_t*>(problem.operation.aux)[bit / 8];
  const auto flag = static_cast<std::uint8_t>(1U << (bit % 8));
  byte = static_cast<std::uint8_t>(value ? byte | flag : byte & ~flag);
}

// One element after alpha, beta: bias, ReLU and its mask, forward or backward.
double finish(const Problem& problem, double value, std::uint64_t i, std::uint64_t j) {
  const Operation& operation = problem.operation;
  if (problem.uses(CUBLASLT_EPILOGUE_BIAS)) {
    value += load(operation.bias, i, problem.bias_type());
  }
  if (problem.uses(CUBLASLT_EPILOGUE_RELU)) {
    const bool passes = value > 0.0 || (std::isnan(value) && state().settings.lt_relu_nan);
    if (problem.has_mask()) set_mask_bit(problem, i, j, passes);
    return passes ? value : 0.0;
  }
  return problem.has_mask() && !mask_bit(problem, i, j) ? 0.0 : value;
}

// The sums over k of the lines of A or B, as bias gradient.
void save_line_sums(const Problem& problem, const std::vector<double>& packed) {
  for (std::uint64_t line = 0; line < problem.bias_length(); ++line) {
    double sum = 0.0;
    for (std::uint64_t i = 0; i < problem.k(); ++i) sum += packed[line * problem.k() + i];
    save(problem.operation.bias, line, problem.bias_type(), sum);
  }
}

}  // namespace

cublasStatus_t check_buffers(const Problem& problem, const Algorithm& algorithm,
                             const Buffers& buffers) {
  const Operation& operation = problem.operation;
  if (algorithm.magic != Algorithm::kMagic || algorithm.epilogue != operation.epilogue ||
      algorithm.compute != operation.compute || algorithm.type_ab != problem.a.type ||
      algorithm.type_d != problem.d.type) {
    complain("cublasLtMatmul: the algorithm was found for another operation");
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (buffers.a == nullptr || buffers.b == nullptr || buffers.c == nullptr ||
      buffers.d == nullptr) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  const std::uint64_t workspace = buffers.workspace == nullptr ? 0 : buffers.workspace_bytes;
  if (workspace < algorithm.workspace) {
    complain("cublasLtMatmul: the algorithm wants " + std::to_string(algorithm.workspace) +
             " bytes of workspace, not " + std::to_string(workspace));
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  for (const void* pointer :
       {buffers.a, buffers.b, buffers.c, static_cast<const void*>(buffers.d)}) {
    if (reinterpret_cast<std::uintptr_t>(pointer) % algorithm.alignment != 0) {
      complain("cublasLtMatmul: the algorithm wants operands aligned to " +
               std::to_string(algorithm.alignment) + " bytes");
      return CUBLAS_STATUS_INVALID_VALUE;
    }
  }
  if (buffers.c == buffers.d && problem.c.ld != problem.d.ld) {
    complain("cublasLtMatmul: C is D, but with another ld");
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  const std::vector<Range> all = ranges(problem, algorithm, buffers);
  for (const Range& range : all) {
    if (const auto reason = state().arena.refuse(range.start, range.bytes)) {
      break_device(cudaErrorIllegalAddress,
                   std::string("cublasLtMatmul: ") + range.name + " " + *reason);
      return CUBLAS_STATUS_EXECUTION_FAILED;
    }
    for (const Range& other : all) {
      if (&range != &other && range.written && overlap(range, other)) {
        complain(std::string("cublasLtMatmul: ") + range.name + " overlaps " + other.name);
        return CUBLAS_STATUS_INVALID_VALUE;
      }
    }
  }
  return CUBLAS_STATUS_SUCCESS;
}

void multiply(const Problem& problem, const Algorithm& algorithm, const Buffers& buffers) {
  for (const Range& range : ranges(problem, algorithm, buffers)) {
    if (const auto reason = state().arena.refuse(range.start, range.bytes)) {
      throw DeviceFault{cudaErrorIllegalAddress, std::string(range.name) + " " + *reason};
    }
  }
  // Whoever keeps something in the workspace sees it destroyed.
  if (algorithm.workspace > 0) std::memset(buffers.workspace, 0xFF, algorithm.workspace);

  const Operation& operation = problem.operation;
  const std::uint64_t k = problem.k();
  const std::vector<double> a = pack(buffers.a, problem.a, operation.transpose_a != CUBLAS_OP_N,
                                     problem.m(), k, algorithm.flags);
  const std::vector<double> b = pack(buffers.b, problem.b, operation.transpose_b == CUBLAS_OP_N,
                                     problem.n(), k, algorithm.flags);
  const auto ld_c = static_cast<std::uint64_t>(problem.c.ld);
  const auto ld_d = static_cast<std::uint64_t>(problem.d.ld);
  std::vector<double> bias_gradient(problem.m(), 0.0);
  for (std::uint64_t j = 0; j < problem.n(); ++j) {
    for (std::uint64_t i = 0; i < problem.m(); ++i) {
      double value =
          static_cast<double>(buffers.alpha) * dot(a.data() + i * k, b.data() + j * k, k);
      if (buffers.beta != 0.0F) {
        value += static_cast<double>(buffers.beta) * load(buffers.c, j * ld_c + i, problem.c.type);
      }
      if (state().settings.lt_wrong.contains(operation.epilogue)) value *= 1.1;
      value = finish(problem, value, i, j);
      bias_gradient[i] += value;
      save(buffers.d, j * ld_d + i, problem.d.type, value);
    }
  }
  if (problem.operation.epilogue == CUBLASLT_EPILOGUE_DRELU_BGRAD) {
    for (std::uint64_t i = 0; i < problem.m(); ++i) {
      save(operation.bias, i, problem.bias_type(), bias_gradient[i]);
    }
  }
  if (problem.uses(CUBLASLT_EPILOGUE_BGRADA)) save_line_sums(problem, a);
  if (problem.uses(CUBLASLT_EPILOGUE_BGRADB)) save_line_sums(problem, b);
}

}  // namespace fakecuda::lt

namespace lt = fakecuda::lt;

extern "C" {

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout,
                              const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                              const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algo,
                              void* workspace, std::size_t workspace_bytes, cudaStream_t stream) {
  const fakecuda::Entry entry("cublasLtMatmul");
  if (!entry) return static_cast<cublasStatus_t>(entry.code());
  if (lt::find<cublasLtContext>(handle, "cublasLt handle") == nullptr) {
    return CUBLAS_STATUS_NOT_INITIALIZED;
  }
  const auto* const op = lt::find<lt::Operation>(operation, "cublasLtMatmulDesc");
  const auto* const la = lt::find<lt::Layout>(a_layout, "cublasLtMatrixLayout");
  const auto* const lb = lt::find<lt::Layout>(b_layout, "cublasLtMatrixLayout");
  const auto* const lc = lt::find<lt::Layout>(c_layout, "cublasLtMatrixLayout");
  const auto* const ld = lt::find<lt::Layout>(d_layout, "cublasLtMatrixLayout");
  CUstream_st* const queue = fakecuda::find_stream(stream);
  if (op == nullptr || la == nullptr || lb == nullptr || lc == nullptr || ld == nullptr ||
      alpha == nullptr || beta == nullptr || queue == nullptr) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  for (const void* scalar : {alpha, beta}) {
    if (!fakecuda::state().arena.covers(scalar)) continue;
    fakecuda::complain("cublasLtMatmul: alpha and beta are host pointers in this mode");
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  const lt::Problem problem{*op, *la, *lb, *lc, *ld};
  if (const cublasStatus_t status = lt::check(problem); status != CUBLAS_STATUS_SUCCESS) {
    return status;
  }
  lt::Buffers buffers{.a = a, .b = b, .c = c, .d = d};
  std::memcpy(&buffers.alpha, alpha, sizeof(float));
  std::memcpy(&buffers.beta, beta, sizeof(float));
  buffers.workspace = workspace;
  buffers.workspace_bytes = workspace_bytes;
  lt::Algorithm algorithm;
  if (algo != nullptr) {
    std::memcpy(static_cast<void*>(&algorithm), algo, sizeof(algorithm));
  } else {
    lt::Preference preference;
    preference.workspace = workspace_bytes;
    preference.alignment_a = 1;  // without a query nothing is known of the pointers
    const std::vector<lt::Algorithm> found = lt::algorithms(problem, preference);
    if (found.empty()) return CUBLAS_STATUS_NOT_SUPPORTED;
    algorithm = found.front();
  }
  const cublasStatus_t status = lt::check_buffers(problem, algorithm, buffers);
  if (status != CUBLAS_STATUS_SUCCESS) return status;

  auto task = std::make_shared<fakecuda::Task>();
  task->what = task->kernel = "cublasLtMatmul";
  task->type = cudaGraphNodeTypeKernel;
  task->run = [problem, algorithm, buffers] { lt::multiply(problem, algorithm, buffers); };
  return fakecuda::submit(queue, std::move(task)) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                                 : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // extern "C"
