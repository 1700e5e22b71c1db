#include <gtest/gtest.h>
#include <minnow/output_file.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <climits>
#include <functional>
#include <string>
#include <vector>

#include "output_folder.h"

namespace {

using minnow::check_output;
using namespace minnow_test;

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

}  // namespace
