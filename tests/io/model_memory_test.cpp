// Every allocation of a save and of a load can fail, once or from then on: a right error each time,
// and no file is harmed.

#include <gtest/gtest.h>
#include <minnow/layers.h>
#include <minnow/model.h>
#include <minnow/model_file.h>

#include <functional>
#include <new>
#include <string>

#include "../unit/counting_new.h"
#include "test_files.h"

namespace {

using minnow::Model;
using minnow::testing::fail_allocations;
using minnow::testing::fail_no_allocation;
using namespace minnow_test;

constexpr long kForGood = 1'000'000'000;

/// Returns how many allocations the work makes.
long fail_everywhere(long count, const std::function<void()>& work,
                     const std::function<void(bool ended)>& check) {
  for (long n = 1;; ++n) {
    bool ended = false;
    fail_allocations(n, count);
    try {
      work();
      ended = true;
    } catch (const minnow::ResourceExhausted&) {
    } catch (const std::bad_alloc&) {  // not even for the message
    }
    fail_no_allocation();
    SCOPED_TRACE("allocation " + std::to_string(n) + (count == 1 ? "" : " on"));
    check(ended);
    if (ended || testing::Test::HasFailure()) return n;
  }
}

TEST(ModelMemory, ASaveWithoutMemoryIsAnErrorAndLeavesTheOldModel) {
  const TempDir dir;
  const std::string path = dir / "m";
  const Model model(4, {minnow::dense(3), minnow::relu(), minnow::dense(2)}, {.seed = 1});
  const Model other(4, {minnow::dense(3), minnow::relu(), minnow::dense(2)}, {.seed = 2});
  save_model(model, path);
  const std::string old = slurp(path);
  for (const long count : {1L, kForGood}) {
    const auto check = [&](bool ended) {
      EXPECT_EQ(slurp(path) == old, !ended);
      EXPECT_EQ(dir.entries(), 1U);
    };
    EXPECT_GT(fail_everywhere(
                  count, [&] { save_model(other, path); }, check),
              50);
    save_model(model, path);
  }
}

TEST(ModelMemory, ATrialWithoutMemoryLeavesAllAsItWas) {
  const TempDir dir;
  const Model model(4, {minnow::dense(3)});
  save_model(model, dir / "m");
  const std::string old = slurp(dir / "m");
  for (const long count : {1L, kForGood}) {
    for (const char* name : {"m", "new"}) {
      const auto check = [&](bool) {
        EXPECT_EQ(slurp(dir / "m"), old);
        EXPECT_EQ(dir.entries(), 1U);
      };
      EXPECT_GT(fail_everywhere(
                    count, [&] { check_save(model, dir / name); }, check),
                30);
    }
  }
}

}  // namespace
