#include <gtest/gtest.h>
#include <minnow/output_file.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "output_folder.h"
#include "system_calls.h"

namespace {

using minnow::check_output;
using minnow::IoError;
using minnow::OutputFile;
using namespace minnow_test;

/// Kills a process before and after each of its calls. Returns how many there are.
int kill_everywhere(const std::function<void()>& work, const std::function<void()>& check) {
  for (int call = 0;; ++call) {
    for (const Moment moment : {Moment::before, Moment::after}) {
      const pid_t child = ::fork();
      if (child == 0) {
        kill_at_call(call, moment);
        work();
        ::_exit(0);
      }
      int status = 0;
      ::waitpid(child, &status, 0);
      SCOPED_TRACE("call " + std::to_string(call) + (moment == Moment::after ? ", after" : ""));
      check();
      if (testing::Test::HasFailure() || status == 0) return call;
    }
  }
}

TEST(OutputTrial, TheOldFileSurvivesAKillAtAnyPoint) {
  const Folder folder;
  struct stat before {};
  ASSERT_EQ(::stat((folder / "m").c_str(), &before), 0);
  const auto check = [&] {
    struct stat after {};
    EXPECT_EQ(::stat((folder / "m").c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
    EXPECT_EQ(slurp(folder / "m"), kOld);
  };
  EXPECT_GT(kill_everywhere([&] { check_output(folder / "m", kBytes); }, check), 7);
  const FailingCall named("O_TMPFILE", EOPNOTSUPP);
  EXPECT_GT(kill_everywhere([&] { check_output(folder / "m", kBytes); }, check), 7);
}

TEST(OutputTrial, AKillLeavesNoFalseFileAtANewName) {
  const Folder folder;
  const auto check = [&] {
    const std::string path = folder / "new";
    if (!std::filesystem::exists(path)) return;
    EXPECT_EQ(slurp(path), "");
    std::filesystem::remove(path);
  };
  EXPECT_GT(kill_everywhere([&] { check_output(folder / "new", kBytes); }, check), 7);
}

TEST(OutputFileKilled, LeavesTheOldFileOrTheNewOne) {
  const Folder folder;
  const auto check = [&] {
    const std::string content = slurp(folder / "m");
    EXPECT_TRUE(content == kOld || content == std::string(kBytes, 'n')) << content.substr(0, 20);
    spit(folder / "m", kOld);
  };
  EXPECT_GT(kill_everywhere([&] { save(folder / "m"); }, check), 4);
}

TEST(OutputFileKilled, LeavesNothingBeforeItsLastCalls) {
  const Folder folder;

  const auto while_writing = [&] {
    OutputFile file(folder / "m", kBytes);
    file.write(std::string(kBytes, 'n'));
    ::raise(SIGKILL);
  };
  const pid_t child = ::fork();
  if (child == 0) while_writing();
  ::waitpid(child, nullptr, 0);
  const int fd = ::open(folder.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) GTEST_SKIP() << "this file system has no files without a name";
  ::close(fd);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"m"});
}

TEST(OutputFile, WorksWhereAFileSystemKnowsLess) {
  for (const auto& [call, error] : {std::pair{"O_TMPFILE", EOPNOTSUPP},
                                    {"linkat", EACCES},  // a security profile without links
                                    {"fallocate", EOPNOTSUPP},
                                    {"renameat2", EINVAL},
                                    {"mkdirat", EACCES}}) {
    SCOPED_TRACE(call);
    const Folder folder;
    const FailingCall failing(call, error);
    ::chmod((folder / "m").c_str(), 0640);
    expect_fine(folder, folder / "m");
    expect_fine(folder, folder / "new");
    EXPECT_EQ(folder.names(), (std::vector<std::string>{"m", "new"}));
    struct stat status {};
    ASSERT_EQ(::stat((folder / "m").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0640U);
  }
}

TEST(OutputFile, EveryCallThatFailsIsNamedAndLosesNothing) {
  for (const auto& [call, evidence] : {std::pair{"openat", "open: "},
                                       {"write", "write: "},
                                       {"fsync", "fsync: "},
                                       {"renameat", "rename: "}}) {
    SCOPED_TRACE(call);
    const Folder folder;
    for (const char* name : {"m", "new"}) {
      const FailingCall failing(call, EIO);
      const auto saved = expect_throw<IoError>([&] { save(folder / name); });
      EXPECT_EQ(saved.evidence(), std::string(evidence) + "Input/output error (errno 5)");
      const auto tried = expect_throw<IoError>([&] { check_output(folder / name, kBytes); });
      EXPECT_EQ(tried.code(), minnow::Code("MN-P05"));
      EXPECT_EQ(tried.action(), IoError::Action::open_output);
      EXPECT_EQ(tried.evidence(), saved.evidence());
    }
    EXPECT_EQ(slurp(folder / "m"), kOld);
  }
}

}  // namespace
