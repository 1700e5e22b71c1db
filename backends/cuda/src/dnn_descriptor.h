#pragma once

// cuDNN's graph interface: its functions, and an owner of its descriptors.

#include <cudnn.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "library.h"

namespace minnow::cuda {

/// The functions of cuDNN that need no handle.
class DnnCalls {
 public:
  /// @throws CallFailure.
  explicit DnnCalls(const Library& library);

  /// @throws CallFailure unless it is CUDNN_STATUS_SUCCESS.
  void check(cudnnStatus_t status, const char* call) const;
  /// "3000 CUDNN_STATUS_NOT_SUPPORTED (why)"; cuDNN forgets why.
  std::string text_of(cudnnStatus_t status) const;

  decltype(&cudnnBackendCreateDescriptor) create;
  decltype(&cudnnBackendDestroyDescriptor) destroy;
  decltype(&cudnnBackendSetAttribute) set;
  decltype(&cudnnBackendGetAttribute) get;
  decltype(&cudnnBackendFinalize) finalize;
  decltype(&cudnnBackendExecute) execute;

 private:
  decltype(&cudnnGetErrorString) error_string_;
  decltype(&cudnnGetLastErrorString) last_error_;
};

/// Attributes are set, then it is finalized, then others may refer to it.
class DnnDescriptor {
 public:
  /// @throws CallFailure.
  DnnDescriptor(const DnnCalls& calls, cudnnBackendDescriptorType_t type);
  DnnDescriptor(DnnDescriptor&& other) noexcept
      : calls_(other.calls_), descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  DnnDescriptor& operator=(DnnDescriptor&& other) noexcept {
    std::swap(calls_, other.calls_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~DnnDescriptor() {
    if (descriptor_ != nullptr) static_cast<void>(calls_->destroy(descriptor_));
  }
  cudnnBackendDescriptor_t get() const noexcept { return descriptor_; }

  /// An enumeration, a number, a pointer or a handle, whose type cuDNN wants to hear as well.
  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
    static_assert(std::is_scalar_v<T>);
    set_raw(name, type, 1, &value);
  }
  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
           const std::vector<T>& values) {
    set_raw(name, type, static_cast<std::int64_t>(values.size()), values.data());
  }
  void set(cudnnBackendAttributeName_t name, const DnnDescriptor& value) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, value.get());
  }
  void finalize() { calls_->check(calls_->finalize(descriptor_), "cudnnBackendFinalize"); }
  /// False, with the reason in `refusal`, when cuDNN cannot do it here.
  bool finalize_if_supported(std::string& refusal);

 private:
  void set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
               std::int64_t count, const void* values) {
    calls_->check(calls_->set(descriptor_, name, type, count, values), "cudnnBackendSetAttribute");
  }

  const DnnCalls* calls_;
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

}  // namespace minnow::cuda
