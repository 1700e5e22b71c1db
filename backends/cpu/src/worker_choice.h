#pragma once

#include <array>
#include <cstdint>

namespace minnow::cpu {

/// One worker or all of them? What is faster depends on what else the machine does: beside a busy
/// process a barrier can last a whole time slice. The bits do not depend on the choice, so it is
/// made by measuring: the better one runs, and the other is tried for a few steps now and then.
class WorkerChoice {
 public:
  explicit WorkerChoice(int all) : all_(all) {}

  struct Burst {
    int workers;
    std::int64_t steps;
  };
  Burst next(std::int64_t steps_left) noexcept {
    if (all_ == 1) return {1, steps_left};
    const bool try_other = steps_until_trial_ <= 0;
    const bool shared = shared_is_better() != try_other;
    const std::int64_t most = try_other ? kTrialSteps : kBurstSteps;
    return {shared ? all_ : 1, steps_left < most ? steps_left : most};
  }

  void took(Burst burst, double seconds) noexcept {
    if (all_ == 1) return;
    double& known = seconds_per_step_[burst.workers == 1 ? 0 : 1];
    const double now = seconds / static_cast<double>(burst.steps);
    known = known == 0.0 ? now : 0.5 * (known + now);
    const bool was_trial = steps_until_trial_ <= 0;
    steps_until_trial_ = was_trial ? kStepsBetweenTrials : steps_until_trial_ - burst.steps;
  }

 private:
  static constexpr std::int64_t kBurstSteps = 32;
  static constexpr std::int64_t kTrialSteps = 4;
  static constexpr std::int64_t kStepsBetweenTrials = 1024;

  bool shared_is_better() const noexcept { return seconds_per_step_[1] <= seconds_per_step_[0]; }

  int all_;
  std::array<double, 2> seconds_per_step_{};  // with one worker, with all
  std::int64_t steps_until_trial_ = kBurstSteps;
};

}  // namespace minnow::cpu
