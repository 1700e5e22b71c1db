#pragma once

// A fixture over the fake CUDA libraries: nothing may be alive when a test ends.

#include <fake_cuda.h>
#include <gtest/gtest.h>
#include <minnow/minnow.h>

#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace minnow::testing {

// The guard finds a host that reads device memory, and takes most of a test's time; the workspace
// of an older GPU is 4 MiB instead of 32.
inline const std::string kQuick = "guard=0;cc=80";

#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kSanitized = true;  // everything takes ten times as long
#else
inline constexpr bool kSanitized = false;
#endif

class OverFakes : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto found = fakecuda::Controls::find();
    if (!found && std::getenv("FAKE_CUDA") != nullptr) FAIL() << "the fakes were not found";
    if (!found) GTEST_SKIP() << "real CUDA libraries: these faults cannot be asked for";
    fake_.emplace(*found);
    fake().config(kQuick);
  }
  void TearDown() override {
    if (!fake_) return;
    EXPECT_EQ(fake().live_objects(), 0) << fake().live_report();
    EXPECT_EQ(fake().bytes_in_use(), 0U);
  }
  const fakecuda::Controls& fake() const { return *fake_; }

 private:
  std::optional<fakecuda::Controls> fake_;
};

/// The largest difference of two lists of weights, a NaN if there is one.
inline double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = a.size() == b.size() ? 0 : 1e30;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double distance = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(distance <= largest)) largest = distance;
  }
  return largest;
}

}  // namespace minnow::testing
