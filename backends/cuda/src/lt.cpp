#include "lt.h"

#include <minnow/base/text.h>

namespace minnow::cuda {

Lt::Lt(std::int64_t workspace_bytes) : library_(cat("libcublasLt.so.", CUDART_VERSION / 1000)) {
  library_.bind(create_, "cublasLtCreate");
  library_.bind(destroy_, "cublasLtDestroy");
  library_.bind(get_version_, "cublasLtGetVersion");
  library_.bind(status_name_, "cublasLtGetStatusName");
  library_.bind(status_string_, "cublasLtGetStatusString");
  library_.bind(desc_create, "cublasLtMatmulDescCreate");
  library_.bind(desc_destroy, "cublasLtMatmulDescDestroy");
  library_.bind(desc_set, "cublasLtMatmulDescSetAttribute");
  library_.bind(layout_create, "cublasLtMatrixLayoutCreate");
  library_.bind(layout_destroy, "cublasLtMatrixLayoutDestroy");
  library_.bind(preference_create, "cublasLtMatmulPreferenceCreate");
  library_.bind(preference_destroy, "cublasLtMatmulPreferenceDestroy");
  library_.bind(preference_set, "cublasLtMatmulPreferenceSetAttribute");
  library_.bind(heuristic, "cublasLtMatmulAlgoGetHeuristic");
  library_.bind(algo_cap, "cublasLtMatmulAlgoCapGetAttribute");
  library_.bind(matmul, "cublasLtMatmul");
  workspace_ = DeviceMemory(workspace_bytes);
  check(create_(&handle_), "cublasLtCreate");
}

Lt::~Lt() {
  if (handle_ != nullptr) static_cast<void>(destroy_(handle_));
}

std::string Lt::version() const {
  const auto version = static_cast<std::int64_t>(get_version_());
  return cat(version / 10000, ".", version % 10000 / 100, ".", version % 100);
}

std::string Lt::text_of(cublasStatus_t status) const {
  return cat(static_cast<int>(status), " ", status_name_(status), " (", status_string_(status),
             ")");
}

void Lt::check(cublasStatus_t status, const char* call) const {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  // A library reports a device that is lost in words of its own.
  const cudaError_t cause = cudaPeekAtLastError();
  // "Not initialized" is what it says of a missing driver, and here a device is open already: then
  // it is memory.
  const bool no_memory =
      status == CUBLAS_STATUS_ALLOC_FAILED || status == CUBLAS_STATUS_NOT_INITIALIZED;
  const auto kind = is_lost(cause) ? CallFailure::Kind::lost
                    : no_memory    ? CallFailure::Kind::out_of_memory
                                   : CallFailure::Kind::refused;
  std::string text = text_of(status);
  if (status == CUBLAS_STATUS_NOT_INITIALIZED) text += ", which here means too little memory";
  if (cause != cudaSuccess) text += cat("; CUDA: ", minnow::cuda::text_of(cause));
  if (kind != CallFailure::Kind::lost) static_cast<void>(cudaGetLastError());
  throw CallFailure{.kind = kind, .call = call, .status = std::move(text)};
}

}  // namespace minnow::cuda
