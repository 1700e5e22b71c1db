// Looking for a GPU changes nothing of the application's.

#include "machine.h"

namespace minnow::test {
namespace {

class Host : public ::testing::Test {
 protected:
  Host() { machine_.gpu_on_pci().nodes(); }

  void expect_mismatch(const std::vector<std::string>& words) const {
    const Outcome found =
        machine_.run(words, {driver_path(), "FAKE_CUDA_DRIVER=code=802,version=14000"});
    EXPECT_EQ(said(found, "code"), "MN-D08") << found.out;
    EXPECT_EQ(said(found, "changed:"), "(no such line)");
  }
  const Machine& machine() const { return machine_; }

 private:
  Machine machine_;
};

TEST_F(Host, OpenFilesAndHandlersStay) { expect_mismatch({"open:cuda", "open:cuda"}); }

TEST_F(Host, ChildrenMayBeIgnored) { expect_mismatch({"ignore-children", "open:cuda"}); }

TEST_F(Host, ChildrenMayBeReapedByTheApplication) {
  expect_mismatch({"reap-children", "open:cuda"});
}

TEST_F(Host, StandardFilesMayBeClosed) { expect_mismatch({"close-files", "open:cuda"}); }

TEST_F(Host, AForkedChildMayLookForItself) { expect_mismatch({"fork:cuda"}); }

TEST_F(Host, ACrashIsSeenAlsoWhenTheApplicationReaps) {
  for (const char* way : {"ignore-children", "reap-children"}) {
    const Outcome found =
        machine().run({way, "open:cuda"}, {driver_path(), "FAKE_CUDA_DRIVER=crash=1"});
    EXPECT_EQ(said(found, "what"), "GPU not used: its check crashed while calling cuInit.") << way;
  }
}

}  // namespace
}  // namespace minnow::test
