// One worker or all of them, decided by measuring: here the times are given.

#include "worker_choice.h"

#include <gtest/gtest.h>

#include <functional>

namespace minnow::testing {
namespace {

/// Runs steps one by one, as online learning does; returns the share of time that `workers` had.
double share_of(int workers, int steps, const std::function<double(int step, int workers)>& time) {
  cpu::WorkerChoice choice(2);
  double with = 0, all = 0;
  for (int step = 0; step < steps; ++step) {
    const auto burst = choice.next(1);
    const double seconds = time(step, burst.workers);
    choice.took(burst, seconds);
    all += seconds;
    if (burst.workers == workers) with += seconds;
  }
  return with / all;
}

TEST(WorkerChoiceTest, AColdFirstStepDecidesNothing) {
  const auto time = [](int step, int workers) {
    return (workers == 2 ? 2.4e-3 : 4.6e-3) + (step == 0 ? 5e-3 : 0);
  };
  EXPECT_GT(share_of(2, 200, time), 0.95);
}

TEST(WorkerChoiceTest, TheBetterOneGetsTheTimeHoweverLongAStepIs) {
  for (const double scale : {1e-6, 1e-3, 1.0}) {
    EXPECT_GT(share_of(2, 2000, [=](int, int workers) { return scale / workers; }), 0.95);
    EXPECT_GT(share_of(1, 2000, [=](int, int workers) { return scale * workers * 4; }), 0.85);
  }
}

TEST(WorkerChoiceTest, ANeighbourThatComesAndGoesIsNoticed) {
  // While it is there a barrier takes a time slice.
  const auto time = [](int step, int workers) {
    const bool busy = step > 500 && step < 1500;
    return workers == 1 ? 1e-3 : busy ? 5e-3 : 0.5e-3;
  };
  EXPECT_GT(share_of(2, 500, time), 0.9);
  EXPECT_LT(share_of(2, 1500, time), 0.6);
  EXPECT_GT(share_of(2, 10000, time), 0.6);
}

TEST(WorkerChoiceTest, AStallIsForgottenSoon) {
  for (const int stalled : {1, 2}) {
    const auto time = [=](int step, int workers) {
      const bool stall = step >= 100 && step < 102 && workers == stalled;
      return stall ? 13e-3 : workers == stalled ? 0.3e-3 : 0.6e-3;
    };
    // The stall itself takes a twentieth of the time.
    EXPECT_GT(share_of(stalled, 2000, time), 0.85);
  }
}

TEST(WorkerChoiceTest, WakingUpDoesNotCount) {
  int last = 1;
  const auto time = [&](int step, int workers) {
    const bool busy = step < 200;  // so that one worker is preferred
    const double waking = workers > last ? 2e-3 : 0;
    last = workers;
    return waking + (workers == 1 ? 0.6e-3 : busy ? 5e-3 : 0.3e-3);
  };
  EXPECT_GT(share_of(2, 3000, time), 0.7);
}

// All workers are faster for a while between two time slices of somebody else.
TEST(WorkerChoiceTest, LuckyTrialsDoNotDecide) {
  const auto time = [](int step, int workers) {
    return workers == 1 ? 0.2e-3 : step % 8 == 0 ? 8e-3 : 0.12e-3;
  };
  EXPECT_GT(share_of(1, 20000, time), 0.85);
}

}  // namespace
}  // namespace minnow::testing
