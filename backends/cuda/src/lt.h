#pragma once

// cuBLASLt: the functions that are used, its handle and its workspace.

#include <cublasLt.h>

#include <cstdint>
#include <string>

#include "call.h"
#include "library.h"

namespace minnow::cuda {

class Lt {
 public:
  /// @throws CallFailure.
  explicit Lt(std::int64_t workspace_bytes);
  ~Lt();
  Lt(const Lt&) = delete;
  Lt& operator=(const Lt&) = delete;

  cublasLtHandle_t handle() const noexcept { return handle_; }
  void* workspace() const noexcept { return workspace_.as<void>(); }
  std::int64_t workspace_bytes() const noexcept { return workspace_.bytes(); }
  std::string version() const;

  /// @throws CallFailure unless it is CUBLAS_STATUS_SUCCESS.
  void check(cublasStatus_t status, const char* call) const;
  std::string text_of(cublasStatus_t status) const;

  decltype(&cublasLtMatmulDescCreate) desc_create;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set;
  decltype(&cublasLtMatrixLayoutCreate) layout_create;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic;
  decltype(&cublasLtMatmulAlgoCapGetAttribute) algo_cap;
  decltype(&cublasLtMatmul) matmul;

 private:
  Library library_;
  decltype(&cublasLtCreate) create_;
  decltype(&cublasLtDestroy) destroy_;
  decltype(&cublasLtGetVersion) get_version_;
  decltype(&cublasLtGetStatusName) status_name_;
  decltype(&cublasLtGetStatusString) status_string_;
  // Before the handle: when memory is gone, this says so, and the handle says "not initialized".
  DeviceMemory workspace_;
  cublasLtHandle_t handle_ = nullptr;
};

}  // namespace minnow::cuda
