#pragma once

// Streams as queues of closures. Work runs when somebody waits for it, or at once in eager mode.

#include <driver_types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace fakecuda {

// Thrown by a running task: the device is lost.
struct DeviceFault {
  cudaError_t code = cudaErrorUnknown;
  std::string text;
};

struct Task {
  std::string what;
  cudaGraphNodeType type = cudaGraphNodeTypeEmpty;
  std::function<void()> run;
  std::string kernel;  // the mangled name, for counters and faults
};
using TaskPointer = std::shared_ptr<const Task>;

}  // namespace fakecuda

// The runtime's opaque types. Destroyed ones are kept, emptied, so that no handle is given twice.
struct CUstream_st {
  struct Item {
    std::uint64_t sequence = 0;
    fakecuda::TaskPointer task;
  };
  bool blocking = true;  // waits for the legacy stream, and it for this one
  std::deque<Item> queue;
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id capturer;
  std::vector<fakecuda::TaskPointer> captured;
};

struct CUevent_st {
  bool timing = true;
  bool captured = false;  // recorded during a capture: it cannot be waited for by the host
  CUstream_st* recorded = nullptr;
  std::uint64_t pending = 0;  // records queued and not run yet
  std::uint64_t ticks = 0;
};

struct CUgraphNode_st {
  fakecuda::TaskPointer task;
};

struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes;
};

struct CUgraphExec_st {
  std::vector<fakecuda::TaskPointer> tasks;
};

namespace fakecuda {

// Resolves a handle: the legacy stream for 0 and cudaStreamLegacy, nullptr for one that is not
// live.
CUstream_st* find_stream(cudaStream_t handle);
CUstream_st* create_stream(bool blocking);
// What was queued is still run by the next wait for the whole device, as CUDA does it.
bool destroy_stream(cudaStream_t handle);

// Queues the task, or records it when the stream captures.
cudaError_t submit(CUstream_st* stream, TaskPointer task);
// Whether work may be queued at all: the capture rules.
cudaError_t check_queueing(CUstream_st* stream);

// Runs everything that is queued and answers what went wrong since the last wait.
cudaError_t drain(CUstream_st* stream);
cudaError_t drain_everything();
// Runs one task; false when none was queued.
bool step(CUstream_st* stream);
// Runs until `done`, inside a task too: faults are thrown.
void run_until(CUstream_st* stream, const std::function<bool()>& done);
bool idle(CUstream_st* stream);

// For the host's waits and queries. A capture that they touch is spoiled, as in CUDA.
cudaError_t check_waiting(CUstream_st* stream);
cudaError_t check_waiting_for_device();
// For calls that CUDA calls potentially unsafe during a capture: refused unless it is relaxed.
cudaError_t check_unsafe_call();
bool any_capture();

cudaError_t take_pending();
void drop_all_work();

}  // namespace fakecuda
