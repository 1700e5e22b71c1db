#include "stream.h"

#include <cfenv>
#include <utility>

#include "state.h"

namespace fakecuda {
namespace {

struct Streams {
  CUstream_st legacy;
  std::vector<std::unique_ptr<CUstream_st>> all;  // destroyed ones too
  std::uint64_t sequence = 0;
};

Streams& streams() {
  static Streams* const instance = new Streams;
  return *instance;
}

void spoil(CUstream_st& stream) {
  stream.capture = cudaStreamCaptureStatusInvalidated;
  stream.captured.clear();
}

template <class Visit>
void for_each_capture(Visit visit) {
  for (const auto& stream : streams().all) {
    if (stream->capture == cudaStreamCaptureStatusActive) visit(*stream);
  }
}

// The legacy stream and the blocking ones run as one, in the order of queueing.
CUstream_st* next_in_line(CUstream_st* stream) {
  if (!stream->blocking) return stream->queue.empty() ? nullptr : stream;
  CUstream_st* first = streams().legacy.queue.empty() ? nullptr : &streams().legacy;
  for (const auto& other : streams().all) {
    if (!other->blocking || other->queue.empty()) continue;
    if (first == nullptr || other->queue.front().sequence < first->queue.front().sequence) {
      first = other.get();
    }
  }
  return first;
}

// The fault that the configuration has for this execution of the kernel, if any.
const Fault* kernel_fault(const std::string& kernel) {
  for (Fault& fault : state().faults) {
    if (fault.target != Fault::Target::kKernel) continue;
    if (kernel.find(fault.name) == std::string::npos &&
        demangle(kernel).find(fault.name) == std::string::npos) {
      continue;
    }
    ++fault.seen;
    if (fault.from ? fault.seen >= fault.at : fault.seen == fault.at) return &fault;
  }
  return nullptr;
}

// The default rounding and no flushing of denormals, whatever the calling thread has set.
class DeviceArithmetic {
 public:
  DeviceArithmetic() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DeviceArithmetic() { std::fesetenv(&saved_); }
  DeviceArithmetic(const DeviceArithmetic&) = delete;
  DeviceArithmetic& operator=(const DeviceArithmetic&) = delete;

 private:
  std::fenv_t saved_{};
};

void execute(const Task& task) {
  State& now = state();
  ++now.ticks;
  if (!task.kernel.empty()) {
    ++now.launches[task.kernel];
    if (const Fault* const fault = kernel_fault(task.kernel)) {
      if (fault->sticky) {
        break_device(static_cast<cudaError_t>(fault->code), "injected into " + task.what);
      } else {
        now.pending = static_cast<cudaError_t>(fault->code);
      }
      return;
    }
  }
  const DeviceAccess access;
  const DeviceArithmetic arithmetic;
  try {
    task.run();
    if (const auto damage = now.arena.damaged_red_zone()) {
      throw DeviceFault{.code = cudaErrorIllegalAddress, .text = *damage};
    }
  } catch (const DeviceFault& fault) {
    break_device(fault.code, task.what + ": " + fault.text);
  }
}

}  // namespace

CUstream_st* find_stream(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) return &streams().legacy;
  return state().objects.has(handle, "stream") ? handle : nullptr;
}

CUstream_st* create_stream(bool blocking) {
  streams().all.push_back(std::make_unique<CUstream_st>());
  CUstream_st* const stream = streams().all.back().get();
  stream->blocking = blocking;
  state().objects.add(stream, "stream");
  return stream;
}

bool destroy_stream(cudaStream_t handle) {
  if (!state().objects.remove(handle, "stream")) return false;
  handle->capture = cudaStreamCaptureStatusNone;
  handle->captured.clear();
  return true;
}

cudaError_t check_queueing(CUstream_st* stream) {
  if (stream->capture == cudaStreamCaptureStatusInvalidated) {
    return cudaErrorStreamCaptureInvalidated;
  }
  if (stream != &streams().legacy) return cudaSuccess;
  cudaError_t result = cudaSuccess;
  for_each_capture([&](CUstream_st& other) {
    if (!other.blocking) return;
    spoil(other);
    result = cudaErrorStreamCaptureImplicit;
  });
  return result;
}

cudaError_t submit(CUstream_st* stream, TaskPointer task) {
  if (const cudaError_t refused = check_queueing(stream); refused != cudaSuccess) return refused;
  if (stream->capture == cudaStreamCaptureStatusActive) {
    stream->captured.push_back(std::move(task));
    return cudaSuccess;
  }
  stream->queue.push_back({.sequence = ++streams().sequence, .task = std::move(task)});
  if (state().settings.eager) {
    while (step(stream)) {
    }
  }
  return cudaSuccess;
}

bool step(CUstream_st* stream) {
  CUstream_st* const source = next_in_line(stream);
  if (source == nullptr) return false;
  const TaskPointer task = std::move(source->queue.front().task);
  source->queue.pop_front();
  execute(*task);
  return true;
}

cudaError_t take_pending() {
  const cudaError_t pending = std::exchange(state().pending, cudaSuccess);
  return state().sticky != cudaSuccess ? state().sticky : pending;
}

cudaError_t drain(CUstream_st* stream) {
  const DeviceAccess access;  // once for all tasks: opening a large arena takes milliseconds
  while (step(stream)) {
  }
  return take_pending();
}

cudaError_t drain_everything() {
  const DeviceAccess access;
  while (step(&streams().legacy)) {
  }
  for (std::size_t i = 0; i < streams().all.size(); ++i) {
    while (step(streams().all[i].get())) {
    }
  }
  return take_pending();
}

void run_until(CUstream_st* stream, const std::function<bool()>& done) {
  while (!done() && step(stream)) {
  }
}

bool idle(CUstream_st* stream) { return next_in_line(stream) == nullptr; }

cudaError_t check_waiting(CUstream_st* stream) {
  if (stream->capture != cudaStreamCaptureStatusNone) {
    spoil(*stream);
    return cudaErrorStreamCaptureUnsupported;
  }
  return check_queueing(stream);  // the legacy stream while a blocking one captures
}

cudaError_t check_waiting_for_device() {
  cudaError_t result = cudaSuccess;
  for_each_capture([&](CUstream_st& stream) {
    spoil(stream);
    result = cudaErrorStreamCaptureUnsupported;
  });
  return result;
}

cudaError_t check_unsafe_call() {
  cudaError_t result = cudaSuccess;
  for_each_capture([&](CUstream_st& stream) {
    const bool mine = stream.capturer == std::this_thread::get_id();
    if (stream.mode == cudaStreamCaptureModeGlobal ||
        (stream.mode == cudaStreamCaptureModeThreadLocal && mine)) {
      spoil(stream);
      result = cudaErrorStreamCaptureUnsupported;
    }
  });
  return result;
}

bool any_capture() {
  bool found = false;
  for_each_capture([&](CUstream_st&) { found = true; });
  return found;
}

void drop_all_work() {
  streams().legacy.queue.clear();
  for (const auto& stream : streams().all) {
    stream->queue.clear();
    stream->captured.clear();
    if (stream->capture == cudaStreamCaptureStatusActive) {
      stream->capture = cudaStreamCaptureStatusInvalidated;
    }
  }
}

}  // namespace fakecuda
