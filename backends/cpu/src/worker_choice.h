#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

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
  Burst next(std::int64_t steps_left) const noexcept {
    if (all_ == 1) return {1, steps_left};
    const int workers = all_are_better() != is_trial() ? all_ : 1;
    const bool few = is_trial() || workers > last_workers_;
    return {workers, std::min(steps_left, few ? kTrialSteps : kBurstSteps)};
  }

  void took(Burst burst, double seconds) noexcept {
    if (all_ == 1) return;
    // Workers that slept have to wake up, and the first steps touch their memory for the first
    // time: such a burst says nothing.
    const bool woke = burst.workers > last_workers_;
    last_workers_ = burst.workers;
    if (woke) {
      waking_ = seconds;
      return;
    }
    Side& side = sides_[burst.workers == 1 ? 0 : 1];
    const double now = seconds / static_cast<double>(burst.steps);
    const bool fresh = is_trial() || side.per_step == 0.0;  // what was known before is old
    side.per_step = fresh ? now : 0.5 * (side.per_step + now);
    side.burst = seconds + std::exchange(waking_, 0.0);
    if (!known_both()) return;
    Side& worse = sides_[all_are_better() ? 0 : 1];
    if (&side == &worse) {
      until_trial_ = worse.patience * worse.burst;
      worse.patience = std::min(2.0 * worse.patience, kMaxPatience);
      worse.won = 0;
      return;
    }
    if (++side.won == kProven) side.patience = kMinPatience;
    until_trial_ = fresh ? worse.patience * worse.burst : until_trial_ - seconds;
  }

 private:
  static constexpr std::int64_t kBurstSteps = 32;
  static constexpr std::int64_t kTrialSteps = 4;
  // How often its own time passes before what lost is tried again: soon at first, because a single
  // stall may have decided, and each time later, so that trials cost little.
  static constexpr double kMinPatience = 4.0;
  static constexpr double kMaxPatience = 64.0;
  static constexpr int kProven = 32;  // bursts

  struct Side {
    double per_step = 0.0;  // seconds
    double burst = 0.0;     // seconds of the last one, with waking up
    double patience = kMinPatience;
    int won = 0;  // bursts, since it lost
  };

  bool is_trial() const noexcept { return known_both() && until_trial_ <= 0.0; }
  bool known_both() const noexcept { return sides_[0].per_step > 0.0 && sides_[1].per_step > 0.0; }
  // What is not known yet is tried: first all workers, then one.
  bool all_are_better() const noexcept { return sides_[1].per_step <= sides_[0].per_step; }

  int all_;
  int last_workers_ = 0;
  std::array<Side, 2> sides_;  // with one worker, with all
  double until_trial_ = 0.0;   // seconds
  double waking_ = 0.0;        // seconds
};

}  // namespace minnow::cpu
