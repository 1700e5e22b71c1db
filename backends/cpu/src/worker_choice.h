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
    const bool shared = shared_is_better() != is_trial();
    const std::int64_t most = is_trial() ? kTrialSteps : kBurstSteps;
    return {shared ? all_ : 1, steps_left < most ? steps_left : most};
  }

  void took(Burst burst, double seconds) noexcept {
    if (all_ == 1) return;
    if (!warm_) {  // the first steps touch their memory for the first time
      warm_ = true;
      return;
    }
    double& known = seconds_per_step_[burst.workers == 1 ? 0 : 1];
    const double now = seconds / static_cast<double>(burst.steps);
    const bool first = known == 0.0;
    known = first ? now : 0.5 * (known + now);
    if (first || is_trial()) {
      seconds_until_trial_ = kRestPerTrial * seconds;
    } else {
      seconds_until_trial_ -= seconds;
    }
  }

 private:
  static constexpr std::int64_t kBurstSteps = 32;
  static constexpr std::int64_t kTrialSteps = 4;
  // Time goes by between two trials of what is slower, so that they cost little of it however long
  // a step is.
  static constexpr double kRestPerTrial = 64.0;

  bool is_trial() const noexcept { return known_both() && seconds_until_trial_ <= 0.0; }
  bool known_both() const noexcept {
    return seconds_per_step_[0] > 0.0 && seconds_per_step_[1] > 0.0;
  }
  // What is not known yet is tried: first all workers, then one.
  bool shared_is_better() const noexcept { return seconds_per_step_[1] <= seconds_per_step_[0]; }

  int all_;
  bool warm_ = false;
  std::array<double, 2> seconds_per_step_{};  // with one worker, with all
  double seconds_until_trial_ = 0;
};

}  // namespace minnow::cpu
