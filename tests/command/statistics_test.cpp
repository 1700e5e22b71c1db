// What bench computes from rounds of times.

#include "bench/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace minnow::command {
namespace {

TEST(Statistics, Median) {
  EXPECT_EQ(median({3.0}), 3.0);
  EXPECT_EQ(median({9.0, 1.0, 5.0}), 5.0);
  EXPECT_EQ(median({4.0, 1.0, 3.0, 2.0}), 2.5);
}

TEST(Statistics, SpreadIgnoresAnOutlier) {
  EXPECT_EQ(spread({2.0}), 0.0);
  EXPECT_DOUBLE_EQ(spread({1.0, 2.0, 3.0, 4.0, 5.0}), 1.4826);
  EXPECT_DOUBLE_EQ(spread({1.0, 2.0, 3.0, 4.0, 500.0}), 1.4826);
}

TEST(Statistics, IntervalOfARatio) {
  const std::vector<double> slow = {2.0, 2.1, 1.9, 2.0, 2.2, 2.0, 1.8};
  const std::vector<double> fast = {1.0, 1.0, 1.1, 0.9, 1.0, 1.0, 1.0};
  const Interval interval = ratio_interval(slow, fast);
  EXPECT_TRUE(interval.holds(2.0));
  EXPECT_FALSE(interval.holds(1.0));
  EXPECT_LT(interval.low, interval.high);
  EXPECT_GE(interval.low, 1.8 / 1.1);
  EXPECT_LE(interval.high, 2.2 / 0.9);
  const Interval again = ratio_interval(slow, fast);
  EXPECT_EQ(interval.low, again.low);
  EXPECT_EQ(interval.high, again.high);
}

TEST(Statistics, RoundsThatVaryTogetherHaveNoSpreadInTheirRatio) {
  const std::vector<double> slow = {2.0, 4.0, 8.0, 2.0, 6.0};
  const std::vector<double> fast = {1.0, 2.0, 4.0, 1.0, 3.0};
  const Interval interval = ratio_interval(slow, fast);
  EXPECT_EQ(interval.low, 2.0);
  EXPECT_EQ(interval.high, 2.0);
}

TEST(Statistics, Outliers) {
  EXPECT_EQ(outliers({2.0, 1.0, 1.01, 1.0, 0.99}), std::vector<std::size_t>{0});
  EXPECT_TRUE(outliers({1.05, 1.0, 1.0, 1.0, 1.0}).empty());  // less than a tenth
  EXPECT_TRUE(outliers({2.0, 1.0, 1.0}).empty());             // too few to tell
}

TEST(Crossovers, LogLogBetweenTheTwoSizes) {
  const auto found = crossover({{1, 0.25}, {4, 0.5}, {16, 2.0}, {64, 8.0}});
  EXPECT_EQ(found.kind, Crossover::Kind::from);
  EXPECT_NEAR(found.at, 8.0, 1e-9);
}

TEST(Crossovers, OrderDoesNotCount) {
  const auto found = crossover({{16, 2.0}, {64, 8.0}, {1, 0.25}, {4, 0.5}});
  EXPECT_EQ(found.kind, Crossover::Kind::from);
  EXPECT_NEAR(found.at, 8.0, 1e-9);
}

TEST(Crossovers, TheOtherWayRound) {
  const auto found = crossover({{1, 2.0}, {4, 0.5}});
  EXPECT_EQ(found.kind, Crossover::Kind::up_to);
  EXPECT_NEAR(found.at, 2.0, 1e-9);
}

TEST(Crossovers, UncertainRowsAreNoSide) {
  const auto found = crossover({{1, 0.25}, {4, 1.05, false}, {16, 4.0}});
  EXPECT_EQ(found.kind, Crossover::Kind::from);
  EXPECT_GT(found.at, 1.0);
  EXPECT_LT(found.at, 4.0);
  EXPECT_EQ(crossover({{1, 0.9, false}, {2, 1.1, false}}).kind, Crossover::Kind::none);
}

TEST(Crossovers, WithoutOne) {
  EXPECT_EQ(crossover({{1, 1.5}, {2, 2.0}}).kind, Crossover::Kind::always);
  EXPECT_EQ(crossover({{1, 0.5}, {2, 0.7}}).kind, Crossover::Kind::never);
  EXPECT_EQ(crossover({{1, 0.5}}).kind, Crossover::Kind::never);
}

TEST(Crossovers, SeveralAreListed) {
  const auto found = crossover({{1, 2.0}, {2, 0.5}, {4, 2.0}});
  EXPECT_EQ(found.kind, Crossover::Kind::mixed);
  EXPECT_EQ(found.faster, (std::vector<double>{1, 4}));
}

}  // namespace
}  // namespace minnow::command
