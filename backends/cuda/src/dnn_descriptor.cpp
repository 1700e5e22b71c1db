#include "dnn_descriptor.h"

#include <minnow/base/text.h>

#include "call.h"

namespace minnow::cuda {

DnnCalls::DnnCalls(const Library& library) {
  library.bind(create, "cudnnBackendCreateDescriptor");
  library.bind(destroy, "cudnnBackendDestroyDescriptor");
  library.bind(set, "cudnnBackendSetAttribute");
  library.bind(get, "cudnnBackendGetAttribute");
  library.bind(finalize, "cudnnBackendFinalize");
  library.bind(execute, "cudnnBackendExecute");
  library.bind(error_string_, "cudnnGetErrorString");
  library.bind(last_error_, "cudnnGetLastErrorString");
}

std::string DnnCalls::text_of(cudnnStatus_t status) const {
  char reason[256] = "";
  last_error_(reason, sizeof reason);
  std::string text = cat(static_cast<int>(status), " ", error_string_(status));
  if (reason[0] != '\0') text += cat(" (", static_cast<const char*>(reason), ")");
  return text;
}

void DnnCalls::check(cudnnStatus_t status, const char* call) const {
  if (status == CUDNN_STATUS_SUCCESS) return;
  const cudaError_t cause = cudaPeekAtLastError();
  const bool memory = status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  const auto kind = is_lost(cause) ? CallFailure::Kind::lost
                    : memory       ? CallFailure::Kind::out_of_memory
                                   : CallFailure::Kind::refused;
  std::string text = text_of(status);
  if (cause != cudaSuccess) text += cat("; CUDA: ", minnow::cuda::text_of(cause));
  if (kind != CallFailure::Kind::lost) static_cast<void>(cudaGetLastError());
  throw CallFailure{.kind = kind, .call = call, .status = std::move(text)};
}

DnnDescriptor::DnnDescriptor(const DnnCalls& calls, cudnnBackendDescriptorType_t type)
    : calls_(&calls) {
  calls.check(calls.create(type, &descriptor_), "cudnnBackendCreateDescriptor");
}

bool DnnDescriptor::finalize_if_supported(std::string& refusal) {
  const cudnnStatus_t status = calls_->finalize(descriptor_);
  // A sub-library that is not installed, and a kernel that does not compile, are refusals too.
  const bool refused = CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED ||
                       status == CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED ||
                       status == CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED;
  if (refused && !is_lost(cudaPeekAtLastError())) {
    refusal = calls_->text_of(status);
    static_cast<void>(cudaGetLastError());
    return false;
  }
  calls_->check(status, "cudnnBackendFinalize");
  return true;
}

}  // namespace minnow::cuda
