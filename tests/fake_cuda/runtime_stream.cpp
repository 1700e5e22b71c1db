// Streams and events.

#include <utility>

#include "state.h"
#include "stream.h"

namespace fakecuda {
namespace {

cudaError_t create(cudaStream_t* stream, unsigned flags) {
  if (stream == nullptr || (flags & ~unsigned{cudaStreamNonBlocking}) != 0) {
    return cudaErrorInvalidValue;
  }
  *stream = create_stream(flags == 0);
  return cudaSuccess;
}

std::vector<std::unique_ptr<CUevent_st>>& events() {
  static auto* const all = new std::vector<std::unique_ptr<CUevent_st>>;
  return *all;
}

cudaError_t create(cudaEvent_t* event, unsigned flags) {
  constexpr unsigned kKnown = cudaEventBlockingSync | cudaEventDisableTiming;
  if (event == nullptr || (flags & ~kKnown) != 0) return cudaErrorInvalidValue;
  events().push_back(std::make_unique<CUevent_st>());
  events().back()->timing = (flags & cudaEventDisableTiming) == 0;
  *event = events().back().get();
  state().objects.add(*event, "event");
  return cudaSuccess;
}

bool is_event(cudaEvent_t event) { return state().objects.has(event, "event"); }

cudaError_t record(cudaEvent_t event, cudaStream_t handle) {
  CUstream_st* const stream = find_stream(handle);
  if (stream == nullptr || !is_event(event)) return cudaErrorInvalidResourceHandle;
  if (const cudaError_t refused = check_queueing(stream); refused != cudaSuccess) return refused;
  event->recorded = stream;
  event->captured = stream->capture == cudaStreamCaptureStatusActive;
  if (event->captured) return cudaSuccess;  // a mark in the order of the capture, not a node
  ++event->pending;
  auto task = std::make_shared<Task>();
  task->what = "cudaEventRecord";
  task->run = [event] {
    --event->pending;
    event->ticks = state().ticks;
  };
  return submit(stream, std::move(task));
}

cudaError_t check_host_wait(cudaEvent_t event) {
  if (!is_event(event)) return cudaErrorInvalidResourceHandle;
  return event->captured ? cudaErrorCapturedEvent : cudaSuccess;
}

cudaError_t wait_for(cudaStream_t handle, cudaEvent_t event) {
  CUstream_st* const stream = find_stream(handle);
  if (stream == nullptr || !is_event(event)) return cudaErrorInvalidResourceHandle;
  if (const cudaError_t refused = check_queueing(stream); refused != cudaSuccess) return refused;
  if (event->captured || stream->capture != cudaStreamCaptureStatusNone) {
    if (event->captured && event->recorded == stream) return cudaSuccess;
    complain("cudaStreamWaitEvent: forks and joins of a capture are not modelled");
    return cudaErrorNotSupported;
  }
  if (event->recorded == nullptr || event->pending == 0) return cudaSuccess;
  auto task = std::make_shared<Task>();
  task->what = "cudaStreamWaitEvent";
  task->run = [event] { run_until(event->recorded, [event] { return event->pending == 0; }); };
  return submit(stream, std::move(task));
}

}  // namespace
}  // namespace fakecuda

using fakecuda::answer;
using fakecuda::Entry;
using fakecuda::find_stream;
using fakecuda::state;

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  const Entry entry("cudaStreamCreate");
  return entry ? answer(fakecuda::create(stream, cudaStreamDefault)) : entry.refuse();
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int flags) {
  const Entry entry("cudaStreamCreateWithFlags");
  return entry ? answer(fakecuda::create(stream, flags)) : entry.refuse();
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Entry entry("cudaStreamDestroy");
  const bool released = fakecuda::destroy_stream(stream);
  if (!entry) return entry.refuse();
  return answer(released ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  const Entry entry("cudaStreamSynchronize");
  if (!entry) return entry.refuse();
  CUstream_st* const stream = find_stream(handle);
  if (stream == nullptr) return answer(cudaErrorInvalidResourceHandle);
  const cudaError_t refused = fakecuda::check_waiting(stream);
  return answer(refused != cudaSuccess ? refused : fakecuda::drain(stream));
}

// Every query lets one task run, so that a loop that polls comes to an end, and sees "not ready".
cudaError_t cudaStreamQuery(cudaStream_t handle) {
  const Entry entry("cudaStreamQuery");
  if (!entry) return entry.refuse();
  CUstream_st* const stream = find_stream(handle);
  if (stream == nullptr) return answer(cudaErrorInvalidResourceHandle);
  if (const cudaError_t refused = fakecuda::check_waiting(stream); refused != cudaSuccess) {
    return answer(refused);
  }
  if (!fakecuda::idle(stream)) {
    fakecuda::step(stream);
    if (state().sticky == cudaSuccess) return answer(cudaErrorNotReady);
  }
  return answer(fakecuda::take_pending());
}

cudaError_t cudaDeviceSynchronize() {
  const Entry entry("cudaDeviceSynchronize");
  if (!entry) return entry.refuse();
  const cudaError_t refused = fakecuda::check_waiting_for_device();
  return answer(refused != cudaSuccess ? refused : fakecuda::drain_everything());
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  const Entry entry("cudaEventCreate");
  return entry ? answer(fakecuda::create(event, cudaEventDefault)) : entry.refuse();
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  const Entry entry("cudaEventCreateWithFlags");
  return entry ? answer(fakecuda::create(event, flags)) : entry.refuse();
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Entry entry("cudaEventDestroy");
  const bool released = state().objects.remove(event, "event");
  if (!entry) return entry.refuse();
  return answer(released ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Entry entry("cudaEventRecord");
  return entry ? answer(fakecuda::record(event, stream)) : entry.refuse();
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Entry entry("cudaEventSynchronize");
  if (!entry) return entry.refuse();
  if (const cudaError_t refused = fakecuda::check_host_wait(event); refused != cudaSuccess) {
    return answer(refused);
  }
  if (event->pending > 0) {
    fakecuda::run_until(event->recorded, [event] { return event->pending == 0; });
  }
  return answer(fakecuda::take_pending());
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Entry entry("cudaEventQuery");
  if (!entry) return entry.refuse();
  if (const cudaError_t unsafe = fakecuda::check_unsafe_call(); unsafe != cudaSuccess) {
    return answer(unsafe);
  }
  if (const cudaError_t refused = fakecuda::check_host_wait(event); refused != cudaSuccess) {
    return answer(refused);
  }
  if (event->pending > 0) {
    if (!fakecuda::step(event->recorded)) event->pending = 0;  // its work was lost
    if (state().sticky == cudaSuccess) return answer(cudaErrorNotReady);
  }
  return answer(fakecuda::take_pending());
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const Entry entry("cudaEventElapsedTime");
  if (!entry) return entry.refuse();
  if (milliseconds == nullptr) return answer(cudaErrorInvalidValue);
  for (cudaEvent_t event : {start, end}) {
    if (!fakecuda::is_event(event) || !event->timing || event->recorded == nullptr ||
        event->captured) {
      return answer(cudaErrorInvalidResourceHandle);
    }
  }
  if (start->pending > 0 || end->pending > 0) return answer(cudaErrorNotReady);
  const auto microseconds = static_cast<std::int64_t>(end->ticks - start->ticks);
  *milliseconds = static_cast<float>(static_cast<double>(microseconds) / 1000.0);
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags) {
  const Entry entry("cudaStreamWaitEvent");
  if (!entry) return entry.refuse();
  if (flags != cudaEventWaitDefault) return answer(cudaErrorInvalidValue);
  return answer(fakecuda::wait_for(stream, event));
}

}  // extern "C"
