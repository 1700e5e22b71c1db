#include "step_graph.h"

#include <minnow/base/text.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

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

GraphExec captured(const std::vector<Launch>& launches, std::int64_t steps, std::size_t& nodes) {
  Stream stream;
  check(cudaStreamCreateWithFlags(stream.out(), cudaStreamNonBlocking),
        "cudaStreamCreateWithFlags");
  Capture capture(stream.get());
  for (std::int64_t step = 0; step < steps; ++step) {
    for (const Launch& launch : launches) launch.run(stream.get());
  }
  const Graph graph = capture.end();
  check(cudaGraphGetNodes(graph.get(), nullptr, &nodes), "cudaGraphGetNodes");
  GraphExec exec;
  check(cudaGraphInstantiate(exec.out(), graph.get(), 0), "cudaGraphInstantiate");
  return exec;
}

}  // namespace

std::optional<StepGraph> StepGraph::capture(const std::vector<Launch>& launches,
                                            std::string& refusal) {
  try {
    StepGraph graph(launches);
    graph.one_ = captured(launches, 1, graph.nodes_);
    return graph;
  } catch (const CallFailure& failure) {
    if (failure.kind == CallFailure::Kind::lost) throw;
    refusal = cat(failure.call, " -> ", failure.status);
    return std::nullopt;
  }
}

void StepGraph::unroll() {
  unrolled_ = true;
  try {
    std::size_t all_nodes = 0;
    many_ = captured(*launches_, kUnrolled, all_nodes);
  } catch (const CallFailure& failure) {
    if (failure.kind == CallFailure::Kind::lost) throw;
  }
}

void StepGraph::launch(std::int64_t steps, cudaStream_t stream) const {
  for (; many_.get() != nullptr && steps >= kUnrolled; steps -= kUnrolled) {
    check(cudaGraphLaunch(many_.get(), stream), "cudaGraphLaunch");
  }
  for (; steps > 0; --steps) check(cudaGraphLaunch(one_.get(), stream), "cudaGraphLaunch");
}

double seconds_of(const std::vector<Launch>& launches, cudaStream_t stream) {
  constexpr std::int64_t kRepeats = 20;
  constexpr int kPasses = 7;
  try {
    std::size_t nodes = 0;
    const GraphExec exec = captured(launches, kRepeats, nodes);
    Event started, ended;
    for (Event* event : {&started, &ended}) {
      check(cudaEventCreate(event->out()), "cudaEventCreate");
    }
    std::array<double, kPasses> seconds{};
    check(cudaGraphLaunch(exec.get(), stream), "cudaGraphLaunch");  // the first one is slower
    for (double& pass : seconds) {
      check(cudaEventRecord(started.get(), stream), "cudaEventRecord");
      check(cudaGraphLaunch(exec.get(), stream), "cudaGraphLaunch");
      check(cudaEventRecord(ended.get(), stream), "cudaEventRecord");
      check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, started.get(), ended.get()),
            "cudaEventElapsedTime");
      pass = static_cast<double>(milliseconds) * 1e-3 / static_cast<double>(kRepeats);
    }
    std::nth_element(seconds.begin(), seconds.begin() + kPasses / 2, seconds.end());
    return seconds[kPasses / 2];
  } catch (const CallFailure& failure) {
    if (failure.kind == CallFailure::Kind::lost) throw;
    return std::numeric_limits<double>::infinity();
  }
}

}  // namespace minnow::cuda
