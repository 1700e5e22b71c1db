// cuDNN's handles, versions and error texts.

#include <algorithm>

#include "dnn.h"

namespace dnn = fakecuda::dnn;
using fakecuda::Entry;
using fakecuda::state;

extern "C" {

size_t cudnnGetVersion() { return state().settings.dnn; }
size_t cudnnGetCudartVersion() { return 13010; }

const char* cudnnGetErrorString(cudnnStatus_t status) {
#define MINNOW_FAKE_STATUS(name) \
  case name:                     \
    return #name
  switch (status) {
    MINNOW_FAKE_STATUS(CUDNN_STATUS_SUCCESS);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_NOT_INITIALIZED);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_BAD_PARAM);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_BAD_PARAM_NULL_POINTER);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_NOT_SUPPORTED);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDA_DRIVER);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDART);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_INTERNAL_ERROR);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_EXECUTION_FAILED);
    MINNOW_FAKE_STATUS(CUDNN_STATUS_EXECUTION_FAILED_CUDART);
    default:
      return "CUDNN_UNKNOWN_STATUS";
  }
#undef MINNOW_FAKE_STATUS
}

// Reading the text clears it.
void cudnnGetLastErrorString(char* message, size_t size) {
  const std::lock_guard lock(state().mutex);
  if (message == nullptr || size == 0) return;
  const std::string text = state().dnn_message.substr(0, size - 1);
  *std::copy(text.begin(), text.end(), message) = '\0';
  state().dnn_message.clear();
}

cudnnStatus_t cudnnGraphVersionCheck() {
  const Entry entry("cudnnGraphVersionCheck");
  return entry ? CUDNN_STATUS_SUCCESS : dnn::refusal(entry);
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  const Entry entry("cudnnCreate");
  if (!entry) return dnn::refusal(entry);
  if (handle == nullptr) return dnn::fail(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "handle is NULL");
  *handle = new cudnnContext;
  state().objects.add(*handle, dnn::kHandle);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  const Entry entry("cudnnDestroy");
  const bool live = state().objects.remove(handle, dnn::kHandle);
  if (live) delete handle;
  if (!entry) return dnn::refusal(entry);
  if (live || handle == nullptr) return CUDNN_STATUS_SUCCESS;
  return dnn::fail(CUDNN_STATUS_BAD_PARAM, "the handle is not live");
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  const Entry entry("cudnnSetStream");
  if (!entry) return dnn::refusal(entry);
  if (!state().objects.has(handle, dnn::kHandle)) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM, "the handle is not live");
  }
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

}  // extern "C"
