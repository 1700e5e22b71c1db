#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lowering.h"

namespace minnow::cuda {

/// A step as a captured graph, and `kUnrolled` steps as another, so that one launch starts many.
class StepGraph {
 public:
  static constexpr std::int64_t kUnrolled = 32;

  /// Empty, with the reason in `refusal`, when the launches cannot be captured. `unrolled`: whether
  /// runs of many steps are to be expected. @throws CallFailure when the device is lost.
  static std::optional<StepGraph> capture(const std::vector<Launch>& launches, bool unrolled,
                                          std::string& refusal);

  /// Puts `steps` steps on the stream. @throws CallFailure.
  void launch(std::int64_t steps, cudaStream_t stream) const;
  std::size_t nodes_per_step() const noexcept { return nodes_; }
  bool unrolled() const noexcept { return many_.get() != nullptr; }

 private:
  GraphExec one_;
  GraphExec many_;
  std::size_t nodes_ = 0;
};

}  // namespace minnow::cuda
