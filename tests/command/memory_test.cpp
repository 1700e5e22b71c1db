#include "expect.h"

namespace minnow::test {
namespace {

std::vector<std::string> limited_to(long kibibytes) {
  return {"/bin/sh", "-c", "ulimit -v " + std::to_string(kibibytes) + " && exec \"$@\"", "sh"};
}

const std::vector<std::string> kLarge = {"train", "--dataset=friedman1", "--epochs=1",
                                         "--layers=4000,relu,4000,relu,1", "--device=cpu"};
const std::string kTooLarge =
    "not enough host memory for this model with batch 32. [MN-M08]\n  evidence: needs 247.4 MiB = "
    "parameters 61.2 MiB + gradients 61.2 MiB + optimizer 122.5 MiB + activations ";

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kShadow = true;  // of terabytes: no limit of the address space lets it start
#else
constexpr bool kShadow = false;
#endif

TEST(Memory, AnAddressSpaceThatIsTooSmallIsNamed) {
  if (kShadow) GTEST_SKIP() << "a sanitizer needs terabytes of address space";
  const Place place;
  const auto outcome = run(place, kLarge, {.under = limited_to(200'000)});
  expect_failure(outcome, 75, kTooLarge);
  EXPECT_TRUE(contains(outcome.err, "(address space limit (ulimit -v) 195.3 MiB, of it "));
  EXPECT_TRUE(
      contains(outcome.err, "  effect:   no training step was run; no weight was changed\n"));
  EXPECT_TRUE(place.empty());
}

TEST(Memory, UnderAnyLimitARunEndsInAResultOrATypedError) {
  if (kShadow) GTEST_SKIP() << "a sanitizer needs terabytes of address space";
  const Place place;
  int results = 0, errors = 0;
  for (long kibibytes = 4'000; results < 3 && kibibytes < 200'000; kibibytes += 500) {
    const auto outcome = run(place, {"train", "--dataset=toy", "--device=cpu", "--threads=2"},
                             {.under = limited_to(kibibytes)});
    if (outcome.exit == 127) continue;  // the loader had no room for the libraries
    // Nor had the C++ runtime for an exception, in a static object of the parser's, before main().
    if (outcome.err == "terminate called without an active exception\n") continue;
    if (outcome.exit == 0) {
      ++results;
      continue;
    }
    ++errors;
    EXPECT_EQ(outcome.exit, 75) << kibibytes << " KiB: " << outcome.err;
    EXPECT_EQ(count_of(outcome.err, "[MN-M08]"), 1U) << kibibytes << " KiB: " << outcome.err;
  }
  EXPECT_EQ(results, 3);
  EXPECT_GT(errors, 0);
}

// systemd makes the group and takes it away again; without it no group can be made that is this
// test's own.
TEST(Memory, ACgroupsLimitIsNamed) {
  const Place place;
  const std::vector<std::string> scope = {
      "/bin/sh", "-c", "exec systemd-run --user --scope --quiet -p MemoryMax=200M \"$@\"", "sh"};
  std::vector<std::string> probe = scope;
  probe.insert(probe.end(), {"/bin/sh", "-c", "echo a group of its own", "sh"});
  const auto tried = run(place, {"help"}, {.under = probe});
  if (tried.out != "a group of its own\n") GTEST_SKIP() << "no cgroup: " << tried.err;
  const auto outcome = run(place, kLarge, {.under = scope});
  expect_failure(outcome, 75, kTooLarge);
  EXPECT_TRUE(contains(outcome.err, "(cgroup limit 200.0 MiB, of it "));
}

}  // namespace
}  // namespace minnow::test
