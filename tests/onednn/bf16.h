#pragma once

// bf16 on the CPU, with AVX512-BF16 too. Where the part is not built, or the processor has neither,
// a visible skip with the reason.

#include <gtest/gtest.h>
#include <minnow/minnow.h>

#include <cstdlib>
#include <string>

#include "problems.h"

namespace minnow::testing {

inline Device open_bf16(int threads = 0, std::int64_t limit = 0) {
  return open("cpu", {.threads = threads, .precision = Precision::bf16, .memory_limit = limit});
}

class Bf16 : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("MINNOW_CPU_BF16", "any", 1);
    try {
      open_bf16();
    } catch (const DeviceUnavailable& error) {
      // With the part, oneDNN's own refusal alone is no failure.
      if (MINNOW_HAS_ONEDNN && error.code() != "MN-D21") FAIL() << error.what();
      GTEST_SKIP() << error.what();
    }
  }
};

}  // namespace minnow::testing
