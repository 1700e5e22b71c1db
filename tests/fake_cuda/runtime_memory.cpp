// Allocation of device and pinned memory.

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>

#include "pinned.h"
#include "state.h"
#include "stream.h"

namespace fakecuda {
namespace {

std::map<const char*, std::size_t, std::less<>>& pinned_ranges() {
  static auto* const ranges = new std::map<const char*, std::size_t, std::less<>>;
  return *ranges;
}

cudaError_t allocate_pinned(const char* api, void** pointer, std::size_t bytes) {
  const Entry entry(api);
  if (!entry) return entry.refuse();
  if (pointer == nullptr) return answer(cudaErrorInvalidValue);
  if (const cudaError_t unsafe = check_unsafe_call(); unsafe != cudaSuccess) return answer(unsafe);
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  void* memory = nullptr;
  constexpr std::size_t kAlignment = 512;
  if (posix_memalign(&memory, kAlignment, bytes) != 0) return answer(cudaErrorMemoryAllocation);
  std::memset(memory, 0xFF, bytes);
  pinned_ranges()[static_cast<const char*>(memory)] = bytes;
  state().objects.add(memory, "pinned memory");
  *pointer = memory;
  return cudaSuccess;
}

}  // namespace

bool is_pinned(const void* pointer, std::size_t bytes) {
  const auto* const address = static_cast<const char*>(pointer);
  auto next = pinned_ranges().upper_bound(address);
  if (next == pinned_ranges().begin()) return false;
  const auto& [start, size] = *std::prev(next);
  const auto offset = static_cast<std::size_t>(address - start);
  return offset < size && bytes <= size - offset;
}

}  // namespace fakecuda

using fakecuda::answer;
using fakecuda::Entry;
using fakecuda::state;

extern "C" {

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  const Entry entry("cudaMalloc");
  if (!entry) return entry.refuse();
  if (pointer == nullptr) return answer(cudaErrorInvalidValue);
  if (const cudaError_t unsafe = fakecuda::check_unsafe_call(); unsafe != cudaSuccess) {
    return answer(unsafe);
  }
  if (bytes == 0) {
    *pointer = nullptr;
    return cudaSuccess;
  }
  void* const memory = state().arena.allocate(bytes, state().settings.memory);
  if (memory == nullptr) return answer(cudaErrorMemoryAllocation);
  state().objects.add(memory, "device memory");
  *pointer = memory;
  return cudaSuccess;
}

cudaError_t cudaFree(void* pointer) {
  const Entry entry("cudaFree");
  cudaError_t result = cudaSuccess;
  if (pointer != nullptr) {
    if (entry) result = fakecuda::check_unsafe_call();
    // CUDA waits for the device before it takes memory back.
    if (const cudaError_t work = fakecuda::drain_everything(); result == cudaSuccess) result = work;
    if (state().objects.remove(pointer, "device memory")) {
      state().arena.release(pointer);
    } else if (result == cudaSuccess) {
      result = cudaErrorInvalidValue;
    }
  }
  return entry ? answer(result) : entry.refuse();
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  return fakecuda::allocate_pinned("cudaMallocHost", pointer, bytes);
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned int flags) {
  constexpr unsigned kKnown =
      cudaHostAllocPortable | cudaHostAllocMapped | cudaHostAllocWriteCombined;
  if ((flags & ~kKnown) != 0) {
    const Entry entry("cudaHostAlloc");
    return entry ? answer(cudaErrorInvalidValue) : entry.refuse();
  }
  return fakecuda::allocate_pinned("cudaHostAlloc", pointer, bytes);
}

cudaError_t cudaFreeHost(void* pointer) {
  const Entry entry("cudaFreeHost");
  cudaError_t result = cudaSuccess;
  if (pointer != nullptr) {
    if (entry) result = fakecuda::check_unsafe_call();
    if (const cudaError_t work = fakecuda::drain_everything(); result == cudaSuccess) result = work;
    if (state().objects.remove(pointer, "pinned memory")) {
      fakecuda::pinned_ranges().erase(static_cast<const char*>(pointer));
      std::free(pointer);
    } else if (result == cudaSuccess) {
      result = cudaErrorInvalidValue;
    }
  }
  return entry ? answer(result) : entry.refuse();
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const Entry entry("cudaMemGetInfo");
  if (!entry) return entry.refuse();
  if (free == nullptr || total == nullptr) return answer(cudaErrorInvalidValue);
  const std::size_t limit = state().settings.memory;
  const std::size_t used = state().arena.bytes_in_use();
  *total = limit;
  *free = used < limit ? limit - used : 0;
  return cudaSuccess;
}

}  // extern "C"
