#include <gtest/gtest.h>
#include <minnow/output_file.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "system_calls.h"
#include "test_files.h"
#include "users.h"

namespace {

using minnow::check_output;
using minnow::IoError;
using minnow::OutputFile;
using namespace minnow_test;

const std::string kOld = "the old content";
constexpr std::int64_t kBytes = 20'000;

/// What an output does whose trial is to be told apart from it.
void save(const std::string& path) {
  OutputFile file(path, kBytes);
  file.write(std::string(kBytes, 'n'));
  file.commit();
}

/// A folder that everyone may enter and write in, with the old file "m".
class Folder {
 public:
  Folder() {
    ::chmod(dir_.path().c_str(), 0777);
    spit(*this / "m", kOld);
    ::chmod((*this / "m").c_str(), 0666);
  }
  ~Folder() {
    if (mounted_) ::umount2(mounted_->c_str(), MNT_DETACH);
    if (attribute_of_) set_attribute(*attribute_of_, FS_IMMUTABLE_FL | FS_APPEND_FL, false);
  }

  std::string operator/(const std::string& name) const { return dir_ / name; }
  const std::string& path() const { return dir_.path(); }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path())) {
      names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }

  /// As chattr +i and +a. False where this user or this file system cannot.
  bool attribute(const std::string& name, int attribute) {
    if (!set_attribute(*this / name, attribute, true)) return false;
    attribute_of_ = *this / name;
    return true;
  }
  bool bind(const std::string& from, const std::string& to) {
    if (::mount((*this / from).c_str(), (*this / to).c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return false;
    }
    mounted_ = *this / to;
    return true;
  }
  /// A file system of 64 KiB.
  bool small(const std::string& name) {
    std::filesystem::create_directory(*this / name);
    const std::string to = *this / name;
    if (::mount("none", to.c_str(), "tmpfs", 0, "size=64k,mode=0777") != 0) return false;
    mounted_ = to;
    return true;
  }

 private:
  static bool set_attribute(const std::string& path, int attribute, bool on) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    int all = 0;
    bool set = fd >= 0 && ::ioctl(fd, FS_IOC_GETFLAGS, &all) == 0;
    all = on ? all | attribute : all & ~attribute;
    set = set && ::ioctl(fd, FS_IOC_SETFLAGS, &all) == 0;
    if (fd >= 0) ::close(fd);
    return set;
  }

  TempDir dir_;
  std::optional<std::string> mounted_;
  std::optional<std::string> attribute_of_;
};

struct Refusal {
  const char* name;
  User user;
  std::string output;                        // in the folder
  std::function<bool(Folder& folder)> make;  // false: cannot be made here
  std::string evidence;
};

std::ostream& operator<<(std::ostream& stream, const Refusal& refusal) {
  return stream << refusal.name;
}

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, BeforeTheWorkAsAfterIt) {
  const Refusal& refusal = GetParam();
  Folder folder;
  if (!refusal.make(folder)) GTEST_SKIP() << "this user or this file system cannot make it";
  const std::string path = folder / refusal.output;
  const auto names = folder.names();
  struct stat before {};
  const bool there = ::stat(path.c_str(), &before) == 0;

  const std::string tried = error_as(refusal.user, [&] { check_output(path, kBytes); });
  EXPECT_TRUE(tried.starts_with(path + " cannot be written. [MN-P05]")) << tried;
  EXPECT_NE(tried.find("evidence: " + refusal.evidence), std::string::npos) << tried;
  EXPECT_NE(tried.find("remedy: "), std::string::npos) << tried;
  EXPECT_NE(tried.find("effect: "), std::string::npos) << tried;
  // The trial says what the output itself would have met.
  const std::string saved = error_as(refusal.user, [&] { save(path); });
  const std::string reason = refusal.evidence.substr(refusal.evidence.find(": "));
  EXPECT_NE(saved.find(reason.substr(0, reason.find(';'))), std::string::npos) << saved;

  EXPECT_EQ(folder.names(), names);
  EXPECT_EQ(slurp(folder / "m"), kOld);
  struct stat after {};
  ASSERT_EQ(::stat(path.c_str(), &after) == 0, there);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

bool always(Folder&) { return true; }

bool with_mode(const Folder& folder, const std::string& name, mode_t mode) {
  return ::chmod((folder / name).c_str(), mode) == 0;
}

INSTANTIATE_TEST_SUITE_P(
    OutputTrial, Refused,
    testing::Values(Refusal{"ReadOnlyFile", User::ordinary, "m",
                            [](Folder& folder) { return with_mode(folder, "m", 0444); },
                            "access: Permission denied (errno 13)"},
                    Refusal{"ClosedFolder", User::ordinary, "closed/new",
                            [](Folder& folder) {
                              std::filesystem::create_directory(folder / "closed");
                              return with_mode(folder, "closed", 0555);
                            },
                            "open: Permission denied (errno 13)"},
                    Refusal{"LinkIntoAClosedFolder", User::ordinary, "link",
                            [](Folder& folder) {
                              std::filesystem::create_directory(folder / "closed");
                              spit(folder / "closed/m", kOld);
                              std::filesystem::create_symlink("closed/m", folder / "link");
                              return with_mode(folder, "closed/m", 0666) &&
                                     with_mode(folder, "closed", 0555);
                            },
                            "open: Permission denied (errno 13); it is a link to "},
                    Refusal{"DanglingLinkIntoAClosedFolder", User::ordinary, "link",
                            [](Folder& folder) {
                              std::filesystem::create_directory(folder / "closed");
                              std::filesystem::create_symlink("closed/m", folder / "link");
                              return with_mode(folder, "closed", 0555);
                            },
                            "open: Permission denied (errno 13); it is a link to "},
                    Refusal{"AnothersFileInAStickyFolder", User::ordinary, "m",
                            [](Folder& folder) {
                              // Who runs the tests owns what it makes; for root, nobody does not.
                              return ::geteuid() == 0 && with_mode(folder, "", 01777);
                            },
                            "rename: Operation not permitted (errno 1)"},
                    Refusal{"ImmutableFile", User::self, "m",
                            [](Folder& folder) { return folder.attribute("m", FS_IMMUTABLE_FL); },
                            "access: Operation not permitted (errno 1)"},
                    Refusal{"FileThatOnlyGrows", User::self, "m",
                            [](Folder& folder) { return folder.attribute("m", FS_APPEND_FL); },
                            "rename: Operation not permitted (errno 1)"},
                    Refusal{"ImmutableFolder", User::self, "inside/new",
                            [](Folder& folder) {
                              std::filesystem::create_directory(folder / "inside");
                              return folder.attribute("inside", FS_IMMUTABLE_FL);
                            },
                            "open: Operation not permitted (errno 1)"},
                    Refusal{"FileThatIsAMountPoint", User::self, "m",
                            [](Folder& folder) {
                              spit(folder / "source", kOld);
                              return folder.bind("source", "m");
                            },
                            "rename: Device or resource busy (errno 16)"},
                    Refusal{"NameOf256Bytes", User::self, std::string(256, 'n'), always,
                            "rename: File name too long (errno 36)"},
                    Refusal{"Directory", User::self, "inside",
                            [](Folder& folder) {
                              return std::filesystem::create_directory(folder / "inside");
                            },
                            "open: Is a directory (errno 21)"},
                    Refusal{"MissingFolder", User::self, "missing/new", always,
                            "open: No such file or directory (errno 2)"},
                    Refusal{"LinkToItself", User::self, "link",
                            [](Folder& folder) {
                              std::filesystem::create_symlink("link", folder / "link");
                              return true;
                            },
                            "open: Too many levels of symbolic links (errno 40)"},
                    Refusal{"NewFileOnAFullDisk", User::self, "small/new",
                            [](Folder& folder) {
                              if (!folder.small("small")) return false;
                              spit(folder / "small/large", std::string(60'000, 'l'));
                              return true;
                            },
                            "fallocate: No space left on device (errno 28); 20000 bytes needed; "},
                    Refusal{"OldFileOnAFullDisk", User::self, "small/m",
                            [](Folder& folder) {
                              if (!folder.small("small")) return false;
                              spit(folder / "small/m", std::string(60'000, 'l'));
                              return true;
                            },
                            "fallocate: No space left on device (errno 28); 20000 bytes needed; "}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(OutputTrial, ALimitOnFileSize) {
  Folder folder;
  const auto with_limit = [&](const std::string& path) {
    return error_as(User::self, [&] {
      struct rlimit limit {};
      limit.rlim_cur = limit.rlim_max = kBytes - 1;
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) std::abort();
      check_output(path, kBytes);
    });
  };
  const std::string error = with_limit(folder / "m");
  EXPECT_NE(error.find("evidence: limit on file size of 19999 bytes: File too large (errno 27); "
                       "20000 bytes needed"),
            std::string::npos)
      << error;
  EXPECT_NE(error.find("effect:   the file that was there is unchanged"), std::string::npos);
  EXPECT_NE(with_limit(folder / "new").find("effect:   nothing was written"), std::string::npos);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"m"});
}

/// The trial finds nothing, the file is as it was, and the output works.
void expect_fine(const Folder& folder, const std::string& path, User user = User::self) {
  const auto names = folder.names();
  struct stat before {};
  const bool there = ::stat(path.c_str(), &before) == 0;
  EXPECT_EQ(error_as(user, [&] { check_output(path, kBytes); }), "");
  EXPECT_EQ(folder.names(), names);
  struct stat after {};
  EXPECT_EQ(::stat(path.c_str(), &after) == 0, there);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
  EXPECT_EQ(error_as(user, [&] { save(path); }), "");
  EXPECT_EQ(slurp(path), std::string(kBytes, 'n'));
}

TEST(OutputTrial, LeavesNewAndOldFilesAsTheyWere) {
  const Folder folder;
  expect_fine(folder, folder / "new");
  expect_fine(folder, folder / "m");
  expect_fine(folder, folder / "theirs", User::ordinary);
}

TEST(OutputTrial, NamesAndPathsAsLongAsTheSystemAllows) {
  const Folder folder;
  expect_fine(folder, folder / std::string(255, 'n'));
  std::string deep = folder.path();
  while (deep.size() + 200 < PATH_MAX - 3) deep += "/" + std::string(199, 'd');
  const std::size_t rest = PATH_MAX - 1 - deep.size() - 3;
  deep += "/" + std::string(rest, 'd');
  std::filesystem::create_directories(deep);
  ASSERT_EQ((deep + "/m").size(), PATH_MAX - 1U);
  expect_fine(folder, deep + "/m");
}

TEST(OutputTrial, ALinkThatPointsNowhereStaysALink) {
  const Folder folder;
  std::filesystem::create_directory(folder / "store");
  std::filesystem::create_symlink("store/made", folder / "link");
  expect_fine(folder, folder / "link");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(slurp(folder / "store/made"), std::string(kBytes, 'n'));
}

TEST(OutputTrial, DoesNotOpenPipesAndDevices) {
  const Folder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0666), 0);
  EXPECT_NO_THROW(check_output(folder / "pipe"));  // opening it would wait for a reader
  EXPECT_NO_THROW(check_output("/dev/full", kBytes));
  ASSERT_EQ(::chmod((folder / "pipe").c_str(), 0444), 0);
  const auto error = error_as(User::ordinary, [&] { check_output(folder / "pipe"); });
  EXPECT_NE(error.find("access: Permission denied"), std::string::npos) << error;
}

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
  bool unnamed = true;
  const auto while_writing = [&] {
    OutputFile file(folder / "m", kBytes);
    file.write(std::string(kBytes, 'n'));
    ::raise(SIGKILL);
  };
  const pid_t child = ::fork();
  if (child == 0) while_writing();
  ::waitpid(child, nullptr, 0);
  const int fd = ::open(folder.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  unnamed = fd >= 0;
  if (fd >= 0) ::close(fd);
  if (!unnamed) GTEST_SKIP() << "this file system has no files without a name";
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
      EXPECT_EQ(tried.code(), "MN-P05");
      EXPECT_EQ(tried.action(), IoError::Action::open_output);
      EXPECT_EQ(tried.evidence(), saved.evidence());
    }
    EXPECT_EQ(slurp(folder / "m"), kOld);
  }
}

}  // namespace
