#pragma once

// The devices of this build, for TEST_P: a device that is not there is a visible skip, and a
// failure when the environment variable MINNOW_REQUIRE names it.

#include <gtest/gtest.h>
#include <minnow/minnow.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "simple_backend.h"

namespace minnow::testing {

inline Device open_device(const std::string& name) {
  return name == "simple" ? Device(std::make_shared<SimpleBackend>()) : open(name);
}

class OnDevice : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    try {
      device_.emplace(open_device(GetParam()));
    } catch (const DeviceUnavailable& error) {
      const char* required = std::getenv("MINNOW_REQUIRE");
      if (required != nullptr && GetParam() == required) FAIL() << error.what();
      GTEST_SKIP() << error.what();
    }
  }
  const Device& device() const { return *device_; }
  Backend& backend() const { return device_->backend(); }

 private:
  std::optional<Device> device_;
};

inline auto all_devices() { return ::testing::Values("cpu", "cuda", "simple"); }
inline std::string device_name(const ::testing::TestParamInfo<std::string>& info) {
  return info.param;
}

}  // namespace minnow::testing
