#include "step_graph.h"

#include <utility>

#include "text.h"

namespace minnow::cuda {
namespace {

/// Ends a capture that an exception interrupted: a stream that still captures refuses everything.
class Capture {
 public:
  explicit Capture(cudaStream_t stream) : stream_(stream) {
    // Relaxed: what other threads call meanwhile is no concern of this stream's.
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  }
  ~Capture() {
    if (ended_) return;
    Graph abandoned;
    static_cast<void>(cudaStreamEndCapture(stream_, abandoned.out()));
    static_cast<void>(cudaGetLastError());
  }
  Graph end() {
    ended_ = true;
    Graph graph;
    check(cudaStreamEndCapture(stream_, graph.out()), "cudaStreamEndCapture");
    return graph;
  }

 private:
  cudaStream_t stream_;
  bool ended_ = false;
};

GraphExec captured(const std::vector<Launch>& launches, std::int64_t steps, cudaStream_t stream,
                   std::size_t& nodes) {
  Capture capture(stream);
  for (std::int64_t step = 0; step < steps; ++step) {
    for (const Launch& launch : launches) launch.run(stream);
  }
  const Graph graph = capture.end();
  check(cudaGraphGetNodes(graph.get(), nullptr, &nodes), "cudaGraphGetNodes");
  GraphExec exec;
  check(cudaGraphInstantiate(exec.out(), graph.get(), 0), "cudaGraphInstantiate");
  return exec;
}

}  // namespace

std::optional<StepGraph> StepGraph::capture(const std::vector<Launch>& launches, bool unrolled,
                                            std::string& refusal) {
  try {
    Stream stream;
    check(cudaStreamCreateWithFlags(stream.out(), cudaStreamNonBlocking),
          "cudaStreamCreateWithFlags");
    StepGraph graph;
    std::size_t all_nodes = 0;
    if (unrolled) graph.many_ = captured(launches, kUnrolled, stream.get(), all_nodes);
    graph.one_ = captured(launches, 1, stream.get(), graph.nodes_);
    return graph;
  } catch (const CallFailure& failure) {
    if (failure.kind == CallFailure::Kind::lost) throw;
    refusal = cat(failure.call, " -> ", failure.status);
    return std::nullopt;
  }
}

void StepGraph::launch(std::int64_t steps, cudaStream_t stream) const {
  for (; unrolled() && steps >= kUnrolled; steps -= kUnrolled) {
    check(cudaGraphLaunch(many_.get(), stream), "cudaGraphLaunch");
  }
  for (; steps > 0; --steps) check(cudaGraphLaunch(one_.get(), stream), "cudaGraphLaunch");
}

}  // namespace minnow::cuda
