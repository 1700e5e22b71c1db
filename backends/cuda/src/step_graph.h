#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lowering.h"

namespace minnow::cuda {

/// A step as a captured graph, and when long runs are asked for, many steps as another one.
class StepGraph {
 public:
  /// Empty, with the reason in `refusal`, when the launches cannot be captured. They must outlive
  /// the graph. @throws CallFailure when the device is lost.
  static std::optional<StepGraph> capture(const std::vector<Launch>& launches,
                                          std::string& refusal);

  /// Whether a run of so many steps wants unroll() first. Not done when a program is compiled: the
  /// last, partial batch of an epoch never runs many steps.
  bool unrolls(std::int64_t steps) const noexcept {
    return steps >= kUnrolled && most_steps() > 1 && !unrolled_;
  }
  /// Captures most_steps(), so that one launch starts them all; where that is refused steps
  /// are started one by one. @throws CallFailure when the device is lost.
  void unroll();
  /// Puts `steps` steps on the stream. @throws CallFailure.
  void launch(std::int64_t steps, cudaStream_t stream) const;
  std::size_t nodes_per_step() const noexcept { return nodes_; }
  /// That one launch starts. A step of many nodes, as of hundreds of slices, keeps the device busy
  /// for much longer than a launch takes, and many times its nodes take memory and time.
  std::int64_t most_steps() const noexcept {
    return nodes_ <= kNodesWorthUnrolling ? kUnrolled : 1;
  }

 private:
  static constexpr std::int64_t kUnrolled = 32;
  static constexpr std::size_t kNodesWorthUnrolling = 256;

  explicit StepGraph(const std::vector<Launch>& launches) : launches_(&launches) {}

  const std::vector<Launch>* launches_;
  GraphExec one_;
  GraphExec many_;
  bool unrolled_ = false;  // or tried
  std::size_t nodes_ = 0;
};

/// How long the launches take, one after another as in a step: many of them captured, the median
/// of several passes. Infinity when they cannot be captured. @throws CallFailure when the device is
/// lost.
double seconds_of(const std::vector<Launch>& launches, cudaStream_t stream);

}  // namespace minnow::cuda
