// Copies and fills. Ranges on the device are checked at the call and again when the work runs.

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "pinned.h"
#include "state.h"
#include "stream.h"

namespace fakecuda {
namespace {

enum class Place { kDevice, kPinned, kPageable };

// Rows of `width` bytes, `pitch` apart; plain copies are one row.
struct Region {
  char* start = nullptr;
  std::size_t pitch = 0;
  std::size_t width = 0;
  std::size_t height = 1;

  std::size_t bytes() const { return (height - 1) * pitch + width; }
  char* row(std::size_t index) const { return start + index * pitch; }
};

Region region(const void* start, std::size_t pitch, std::size_t width, std::size_t height) {
  return {const_cast<char*>(static_cast<const char*>(start)), pitch, width, height};
}

Place place_of(const Region& region) {
  if (state().arena.covers(region.start)) return Place::kDevice;
  return is_pinned(region.start, region.bytes()) ? Place::kPinned : Place::kPageable;
}

void check_at_run(const Region& region, Place place, const char* role) {
  if (place == Place::kDevice) {
    if (const auto reason = state().arena.refuse(region.start, region.bytes())) {
      throw DeviceFault{cudaErrorIllegalAddress, std::string(role) + " " + *reason};
    }
  } else if (place == Place::kPinned && !is_pinned(region.start, region.bytes())) {
    throw DeviceFault{cudaErrorIllegalAddress, std::string(role) + " is no longer pinned memory"};
  }
}

void copy_rows(const Region& to, const Region& from) {
  for (std::size_t i = 0; i < to.height; ++i) std::memmove(to.row(i), from.row(i), to.width);
}

bool kind_fits(cudaMemcpyKind kind, bool to_device, bool from_device) {
  switch (kind) {
    case cudaMemcpyDefault:
      return true;
    case cudaMemcpyHostToHost:
      return !to_device && !from_device;
    case cudaMemcpyHostToDevice:
      return to_device && !from_device;
    case cudaMemcpyDeviceToHost:
      return !to_device && from_device;
    case cudaMemcpyDeviceToDevice:
      return to_device && from_device;
  }
  return false;
}

cudaError_t copy(const std::string& api, const Region& to, Region from, cudaMemcpyKind kind,
                 cudaStream_t handle, bool wait) {
  CUstream_st* const stream = find_stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) {
    return cudaErrorInvalidMemcpyDirection;
  }
  if (to.width == 0 || to.height == 0) return cudaSuccess;
  if (to.start == nullptr || from.start == nullptr) return cudaErrorInvalidValue;
  const Place to_place = place_of(to);
  const Place from_place = place_of(from);
  if (!kind_fits(kind, to_place == Place::kDevice, from_place == Place::kDevice)) {
    complain(api + ": the kind of copy does not fit the addresses");
    return cudaErrorInvalidValue;
  }
  try {
    check_at_run(to, to_place, "destination");
    check_at_run(from, from_place, "source");
  } catch (const DeviceFault& fault) {
    return break_device(fault.code, api + ": " + fault.text);
  }
  const bool pageable = to_place == Place::kPageable || from_place == Place::kPageable;
  if (pageable && stream->capture != cudaStreamCaptureStatusNone) {
    complain(api + ": pageable memory in a capture");
    return check_waiting(stream);
  }
  std::shared_ptr<std::vector<char>> staged;  // pageable memory is read now
  if (from_place == Place::kPageable) {
    staged = std::make_shared<std::vector<char>>(from.width * from.height);
    const Region packed = region(staged->data(), from.width, from.width, from.height);
    copy_rows(packed, from);
    from = packed;
  }
  auto task = std::make_shared<Task>();
  task->what = api;
  task->type = cudaGraphNodeTypeMemcpy;
  task->run = [to, from, to_place, from_place, staged] {
    check_at_run(to, to_place, "destination");
    if (!staged) check_at_run(from, from_place, "source");
    copy_rows(to, from);
  };
  if (const cudaError_t refused = submit(stream, std::move(task)); refused != cudaSuccess) {
    return refused;
  }
  return wait || to_place == Place::kPageable ? drain(stream) : cudaSuccess;
}

cudaError_t fill(const std::string& api, void* pointer, int value, std::size_t bytes,
                 cudaStream_t handle) {
  CUstream_st* const stream = find_stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  if (pointer == nullptr || !state().arena.covers(pointer)) {
    complain(api + ": not a device address");
    return cudaErrorInvalidValue;
  }
  const Region to = region(pointer, bytes, bytes, 1);
  if (const auto reason = state().arena.refuse(pointer, bytes)) {
    return break_device(cudaErrorIllegalAddress, api + ": destination " + *reason);
  }
  auto task = std::make_shared<Task>();
  task->what = api;
  task->type = cudaGraphNodeTypeMemset;
  task->run = [to, value] {
    check_at_run(to, Place::kDevice, "destination");
    std::memset(to.start, value, to.width);
  };
  return submit(stream, std::move(task));
}

}  // namespace
}  // namespace fakecuda

using fakecuda::answer;
using fakecuda::Entry;
using fakecuda::region;

extern "C" {

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const Entry entry("cudaMemcpy");
  if (!entry) return entry.refuse();
  if (const cudaError_t unsafe = fakecuda::check_unsafe_call(); unsafe != cudaSuccess) {
    return answer(unsafe);
  }
  return answer(fakecuda::copy("cudaMemcpy", region(to, bytes, bytes, 1),
                               region(from, bytes, bytes, 1), kind, nullptr, true));
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const Entry entry("cudaMemcpyAsync");
  if (!entry) return entry.refuse();
  return answer(fakecuda::copy("cudaMemcpyAsync", region(to, bytes, bytes, 1),
                               region(from, bytes, bytes, 1), kind, stream, false));
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind kind, cudaStream_t stream) {
  const Entry entry("cudaMemcpy2DAsync");
  if (!entry) return entry.refuse();
  if (width > to_pitch || width > from_pitch) return answer(cudaErrorInvalidPitchValue);
  return answer(fakecuda::copy("cudaMemcpy2DAsync", region(to, to_pitch, width, height),
                               region(from, from_pitch, width, height), kind, stream, false));
}

cudaError_t cudaMemset(void* pointer, int value, std::size_t bytes) {
  const Entry entry("cudaMemset");
  if (!entry) return entry.refuse();
  if (const cudaError_t unsafe = fakecuda::check_unsafe_call(); unsafe != cudaSuccess) {
    return answer(unsafe);
  }
  return answer(fakecuda::fill("cudaMemset", pointer, value, bytes, nullptr));
}

cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  const Entry entry("cudaMemsetAsync");
  if (!entry) return entry.refuse();
  return answer(fakecuda::fill("cudaMemsetAsync", pointer, value, bytes, stream));
}

}  // extern "C"
