#pragma once

// Calls of the vendor's functions: what a failed one is, and owners of what they create.

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>
#include <utility>

namespace minnow::cuda {

/// A vendor call that failed. Context::guarded() turns it into an error of minnow's, with what was
/// being done.
struct CallFailure {
  enum class Kind : std::uint8_t {
    out_of_memory,
    lost,     // every later call of this process fails as well
    refused,  // this call only
    missing,  // a library is not there, or not whole
  };
  Kind kind = Kind::refused;
  std::string call;    // "cudaMalloc(4194304)"
  std::string status;  // "2 cudaErrorMemoryAllocation (out of memory)"
  std::int64_t bytes = 0;
  bool hardware = false;  // of a lost one: not the program's doing
};

/// After these "the process must be terminated and relaunched" (driver_types.h).
bool is_lost(cudaError_t error) noexcept;
std::string text_of(cudaError_t error);
/// @throws CallFailure unless it is cudaSuccess.
void check(cudaError_t error, const char* call, std::int64_t bytes = 0);

/// Owns what a vendor's function created; destroys it without looking at the answer, because a
/// device that is lost refuses that too.
template <class T, auto kDestroy>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T value) : value_(value) {}
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, T{})) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Handle() {
    if (value_ != T{}) static_cast<void>(kDestroy(value_));
  }
  T get() const noexcept { return value_; }
  T* out() noexcept { return &value_; }

 private:
  T value_{};
};

using Stream = Handle<cudaStream_t, cudaStreamDestroy>;
using Event = Handle<cudaEvent_t, cudaEventDestroy>;
using Graph = Handle<cudaGraph_t, cudaGraphDestroy>;
using GraphExec = Handle<cudaGraphExec_t, cudaGraphExecDestroy>;

/// Device memory, or pinned host memory.
template <cudaError_t (*kAllocate)(void**, std::size_t), cudaError_t (*kFree)(void*)>
class Memory {
 public:
  Memory() = default;
  Memory(std::int64_t bytes, const char* call) : bytes_(bytes) {
    if (bytes > 0) check(kAllocate(memory_.out(), static_cast<std::size_t>(bytes)), call, bytes);
  }
  template <class T>
  T* as() const noexcept {
    return static_cast<T*>(memory_.get());
  }
  std::int64_t bytes() const noexcept { return bytes_; }

 private:
  Handle<void*, kFree> memory_;
  std::int64_t bytes_ = 0;
};

inline cudaError_t allocate_device(void** memory, std::size_t bytes) {
  return cudaMalloc(memory, bytes);
}
inline cudaError_t allocate_pinned(void** memory, std::size_t bytes) {
  return cudaMallocHost(memory, bytes);
}

class DeviceMemory : public Memory<allocate_device, cudaFree> {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::int64_t bytes) : Memory(bytes, "cudaMalloc") {}
};
class PinnedMemory : public Memory<allocate_pinned, cudaFreeHost> {
 public:
  PinnedMemory() = default;
  explicit PinnedMemory(std::int64_t bytes) : Memory(bytes, "cudaMallocHost") {}
};

}  // namespace minnow::cuda
