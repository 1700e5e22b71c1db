#pragma once

// Fixtures on a GPU, and over the fake CUDA libraries.

#include <fake_cuda.h>
#include <gtest/gtest.h>
#include <minnow/minnow.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace minnow::testing {

// The guard finds a host that reads device memory, and takes most of a test's time; the workspace
// of an older GPU is 4 MiB instead of 32.
inline const std::string kQuick = "guard=0;cc=80";

#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kSanitized = true;  // everything takes ten times as long
#else
inline constexpr bool kSanitized = false;
#endif

/// On a GPU: that of the fakes, where nothing may be alive when a test ends, or a real one.
class OnCuda : public ::testing::Test {
 protected:
  void SetUp() override {
    fake_ = fakecuda::Controls::find();
    if (fake_) {
      fake().config(kQuick);
    } else if (std::getenv("FAKE_CUDA") != nullptr) {
      FAIL() << "the fakes were not found";
    } else {
      try {
        open("cuda");
      } catch (const DeviceUnavailable& error) {
        if (std::getenv("MINNOW_REQUIRE") != nullptr) FAIL() << error.what();
        GTEST_SKIP() << error.what();
      }
    }
  }
  void TearDown() override {
    if (!fake_) return;
    EXPECT_EQ(fake().live_objects(), 0) << fake().live_report();
    EXPECT_EQ(fake().bytes_in_use(), 0U);
  }
  bool faked() const { return fake_.has_value(); }
  const fakecuda::Controls& fake() const { return *fake_; }

 private:
  std::optional<fakecuda::Controls> fake_;
};

class OverFakes : public OnCuda {
 protected:
  void SetUp() override {
    OnCuda::SetUp();
    if (!faked()) GTEST_SKIP() << "real CUDA libraries: these faults cannot be asked for";
  }
};

}  // namespace minnow::testing
