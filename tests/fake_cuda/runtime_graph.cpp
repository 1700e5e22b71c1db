// Capture, and graphs as vectors of the captured tasks.

#include <algorithm>
#include <utility>

#include "state.h"
#include "stream.h"

namespace fakecuda {
namespace {

template <class T>
T* keep(const char* kind) {
  static auto* const all = new std::vector<std::unique_ptr<T>>;
  all->push_back(std::make_unique<T>());
  state().objects.add(all->back().get(), kind);
  return all->back().get();
}

cudaError_t begin(CUstream_st* stream, cudaStreamCaptureMode mode) {
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (mode < cudaStreamCaptureModeGlobal || mode > cudaStreamCaptureModeRelaxed) {
    return cudaErrorInvalidValue;
  }
  if (stream == find_stream(cudaStreamLegacy)) return cudaErrorStreamCaptureUnsupported;
  if (stream->capture != cudaStreamCaptureStatusNone) return cudaErrorIllegalState;
  stream->capture = cudaStreamCaptureStatusActive;
  stream->mode = mode;
  stream->capturer = std::this_thread::get_id();
  stream->captured.clear();
  return cudaSuccess;
}

cudaError_t end(CUstream_st* stream, cudaGraph_t* graph) {
  if (stream->mode != cudaStreamCaptureModeRelaxed &&
      stream->capturer != std::this_thread::get_id()) {
    return cudaErrorStreamCaptureWrongThread;
  }
  const bool spoiled = stream->capture == cudaStreamCaptureStatusInvalidated;
  stream->capture = cudaStreamCaptureStatusNone;
  const std::vector<TaskPointer> tasks = std::exchange(stream->captured, {});
  if (spoiled) return cudaErrorStreamCaptureInvalidated;
  *graph = keep<CUgraph_st>("graph");
  for (const TaskPointer& task : tasks) {
    (*graph)->nodes.push_back(std::make_unique<CUgraphNode_st>(CUgraphNode_st{task}));
  }
  return cudaSuccess;
}

}  // namespace
}  // namespace fakecuda

using fakecuda::answer;
using fakecuda::Entry;
using fakecuda::find_stream;
using fakecuda::state;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  const Entry entry("cudaStreamBeginCapture");
  return entry ? answer(fakecuda::begin(find_stream(stream), mode)) : entry.refuse();
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  const Entry entry("cudaStreamEndCapture");
  CUstream_st* const stream = find_stream(handle);
  if (graph != nullptr) *graph = nullptr;
  if (!entry) {
    if (stream != nullptr) {  // a failed end is an end all the same
      stream->capture = cudaStreamCaptureStatusNone;
      stream->captured.clear();
    }
    return entry.refuse();
  }
  if (stream == nullptr) return answer(cudaErrorInvalidResourceHandle);
  if (graph == nullptr) return answer(cudaErrorInvalidValue);
  if (stream->capture == cudaStreamCaptureStatusNone) return answer(cudaErrorIllegalState);
  return answer(fakecuda::end(stream, graph));
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  const Entry entry("cudaStreamIsCapturing");
  if (!entry) return entry.refuse();
  CUstream_st* const stream = find_stream(handle);
  if (stream == nullptr) return answer(cudaErrorInvalidResourceHandle);
  if (status == nullptr) return answer(cudaErrorInvalidValue);
  *status = stream->capture;
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  const Entry entry("cudaGraphGetNodes");
  if (!entry) return entry.refuse();
  if (!state().objects.has(graph, "graph") || count == nullptr) {
    return answer(cudaErrorInvalidValue);
  }
  if (nodes == nullptr) {
    *count = graph->nodes.size();
    return cudaSuccess;
  }
  for (std::size_t i = 0; i < *count; ++i) {
    nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
  }
  *count = std::min(*count, graph->nodes.size());
  return cudaSuccess;
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  const Entry entry("cudaGraphNodeGetType");
  if (!entry) return entry.refuse();
  if (node == nullptr || type == nullptr) return answer(cudaErrorInvalidValue);
  *type = node->task->type;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph,
                                 unsigned long long flags) {
  const Entry entry("cudaGraphInstantiate");
  if (!entry) return entry.refuse();
  if (exec == nullptr || !state().objects.has(graph, "graph")) {
    return answer(cudaErrorInvalidValue);
  }
  if (flags != 0) {
    fakecuda::complain("cudaGraphInstantiate: flags are not modelled");
    return answer(cudaErrorNotSupported);
  }
  *exec = fakecuda::keep<CUgraphExec_st>("executable graph");
  for (const auto& node : graph->nodes) (*exec)->tasks.push_back(node->task);
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const Entry entry("cudaGraphDestroy");
  const bool released = state().objects.remove(graph, "graph");
  if (released) graph->nodes.clear();
  if (!entry) return entry.refuse();
  return answer(released ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  const Entry entry("cudaGraphExecDestroy");
  const bool released = state().objects.remove(exec, "executable graph");
  if (released) exec->tasks.clear();
  if (!entry) return entry.refuse();
  return answer(released ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream) {
  const Entry entry("cudaGraphUpload");
  if (!entry) return entry.refuse();
  if (!state().objects.has(exec, "executable graph")) return answer(cudaErrorInvalidValue);
  CUstream_st* const target = find_stream(stream);
  if (target == nullptr) return answer(cudaErrorInvalidResourceHandle);
  if (target->capture != cudaStreamCaptureStatusNone)
    return answer(fakecuda::check_waiting(target));
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle) {
  const Entry entry("cudaGraphLaunch");
  if (!entry) return entry.refuse();
  if (!state().objects.has(exec, "executable graph")) return answer(cudaErrorInvalidValue);
  CUstream_st* const stream = find_stream(handle);
  if (stream == nullptr) return answer(cudaErrorInvalidResourceHandle);
  if (stream->capture != cudaStreamCaptureStatusNone) {
    fakecuda::complain("cudaGraphLaunch: child graphs are not modelled");
    return answer(fakecuda::check_waiting(stream));
  }
  if (const cudaError_t refused = fakecuda::check_queueing(stream); refused != cudaSuccess) {
    return answer(refused);
  }
  ++state().graph_launches;
  for (const fakecuda::TaskPointer& task : exec->tasks) {
    if (const cudaError_t refused = fakecuda::submit(stream, task); refused != cudaSuccess) {
      return answer(refused);
    }
  }
  return cudaSuccess;
}

}  // extern "C"
