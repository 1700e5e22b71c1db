#include <gtest/gtest.h>
#include <minnow/npy.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "test_files.h"
#include "users.h"

namespace {

using minnow::IoError;
using minnow::Tensor;
using minnow::write_npy;
using namespace minnow_test;
using Action = IoError::Action;

IoError expect_io_error(const std::string& path, const Tensor& tensor = counting({3})) {
  return expect_throw<IoError>([&] { write_npy(path, tensor); });
}

TEST(FileWriter, NamesADirectoryThatIsMissingOrIsAFile) {
  const TempDir dir;
  auto error = expect_io_error(dir / "missing/x.npy");
  EXPECT_EQ(error.code(), minnow::Code("MN-P05"));
  EXPECT_EQ(error.action(), Action::open_output);
  EXPECT_EQ(error.error_number(), ENOENT);
  EXPECT_EQ(error.file(), dir / "missing/x.npy");
  EXPECT_EQ(error.cause(), dir / "missing/x.npy" + " cannot be written.");
  EXPECT_EQ(error.evidence(), "open: No such file or directory (errno 2)");
  EXPECT_EQ(error.effect(), "");

  spit(dir / "file", "x");
  EXPECT_EQ(expect_io_error(dir / "file/x.npy").error_number(), ENOTDIR);
  EXPECT_EQ(expect_io_error(dir.path()).error_number(), EISDIR);
  EXPECT_EQ(expect_io_error("").error_number(), ENOENT);
  EXPECT_EQ(dir.entries(), 1U);
}

TEST(FileWriter, RespectsDirectoriesAndFilesThatMayNotBeWritten) {
  const TempDir dir;
  ::chmod(dir.path().c_str(), 0777);
  spit(dir / "x.npy", "old");
  ::chmod((dir / "x.npy").c_str(), 0444);
  const auto error = [&](const std::string& name) {
    return error_as(User::ordinary, [&] { write_npy(dir / name, counting({3})); });
  };
  EXPECT_EQ(error("x.npy"),
            dir / "x.npy" +
                " cannot be written. [MN-P05]\n"
                "  evidence: access: Permission denied (errno 13)\n"
                "  remedy:   name a file that you may replace, in a folder that you may write in\n"
                "  effect:   the file that was there is unchanged");
  ::chmod(dir.path().c_str(), 0555);
  EXPECT_NE(error("y.npy").find("[MN-P05]\n  evidence: open: Permission denied"),
            std::string::npos);
  ::chmod(dir.path().c_str(), 0755);
  EXPECT_EQ(slurp(dir / "x.npy"), "old");
}

TEST(FileWriter, AFileSystemThatTakesNoFiles) {
  if (::access("/proc/self", F_OK) != 0) GTEST_SKIP() << "there is no /proc";
  const auto error = expect_io_error("/proc/self/x.npy");
  EXPECT_EQ(error.code(), minnow::Code("MN-P05"));
  EXPECT_EQ(error.action(), Action::open_output);
}

TEST(FileWriter, SaysThatADeviceIsFullAndLeavesItADevice) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "there is no /dev/full";
  const auto error = expect_io_error("/dev/full");
  EXPECT_EQ(error.code(), minnow::Code("MN-P01"));
  EXPECT_EQ(error.action(), Action::write);
  EXPECT_EQ(error.error_number(), ENOSPC);
  EXPECT_EQ(error.cause(), "/dev/full was not written.");
  EXPECT_TRUE(
      error.evidence().starts_with("write: No space left on device (errno 28); 140 bytes needed; "))
      << error.evidence();
  EXPECT_TRUE(error.evidence().ends_with(" bytes free"));
  EXPECT_NO_THROW(write_npy("/dev/null", counting({3})));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(FileWriter, ALimitOnFileSizeIsAnErrorAndNoSignal) {
  const TempDir dir;
  write_npy(dir / "x.npy", counting({2}));
  const std::string old = slurp(dir / "x.npy");
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit tight = before;
  tight.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  std::optional<IoError> error;
  try {
    write_npy(dir / "x.npy", counting({1000}));
  } catch (const IoError& caught) {
    error = caught;
  }
  EXPECT_NO_THROW(write_npy(dir / "y.npy", counting({100})));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), minnow::Code("MN-P01"));
  EXPECT_EQ(error->error_number(), EFBIG);
  EXPECT_EQ(error->evidence(),
            "limit on file size of 1000 bytes: File too large (errno 27); 4128 bytes needed");
  EXPECT_EQ(error->effect(), "the file that was there is unchanged");
  EXPECT_EQ(slurp(dir / "x.npy"), old);
  EXPECT_EQ(dir.entries(), 2U) << "a temporary file is left";
}

TEST(FileWriter, AFailedWriteLeavesTheOldFileAndNothingElse) {
  const TempDir dir;
  write_npy(dir / "x.npy", counting({2}));
  const std::string old = slurp(dir / "x.npy");
  // A tensor whose second half cannot be read: write() fails with EFAULT in the middle.
  constexpr std::size_t kBytes = std::size_t{1} << 20;
  void* memory = ::mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(::mprotect(static_cast<char*>(memory) + kBytes / 2, kBytes / 2, PROT_NONE), 0);
  const std::span<const float> values(static_cast<const float*>(memory), kBytes / 4);
  const auto tensor = Tensor::view(values, {static_cast<std::int64_t>(values.size())});

  auto error = expect_io_error(dir / "x.npy", tensor);
  EXPECT_EQ(error.code(), minnow::Code("MN-P01"));
  EXPECT_EQ(error.action(), Action::write);
  EXPECT_EQ(error.error_number(), EFAULT);
  EXPECT_EQ(error.evidence(), "write: Bad address (errno 14)");
  EXPECT_EQ(error.effect(), "the file that was there is unchanged");
  EXPECT_EQ(slurp(dir / "x.npy"), old);
  EXPECT_EQ(dir.entries(), 1U) << "a temporary file is left";

  error = expect_io_error(dir / "new.npy", tensor);
  EXPECT_EQ(error.effect(), "");
  EXPECT_EQ(dir.entries(), 1U);
  ::munmap(memory, kBytes);
}

TEST(FileWriter, KeepsThePermissionsOfTheOldFile) {
  const TempDir dir;
  write_npy(dir / "x.npy", counting({2}));
  ::chmod((dir / "x.npy").c_str(), 0640);
  write_npy(dir / "x.npy", counting({3}));
  struct stat status {};
  ASSERT_EQ(::stat((dir / "x.npy").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
}

TEST(FileWriter, ReplacesWhatALinkPointsTo) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "store");
  write_npy(dir / "store/x.npy", counting({2}));
  std::filesystem::create_symlink("store/x.npy", dir / "link.npy");
  write_npy(dir / "link.npy", counting({3}));
  EXPECT_TRUE(std::filesystem::is_symlink(dir / "link.npy"));
  EXPECT_EQ(minnow::read_npy(dir / "store/x.npy").shape(), minnow::Shape({3}));
}

TEST(FileWriter, ReadersSeeTheOldFileOrTheNewOne) {
  const TempDir dir;
  const std::string path = dir / "x.npy";
  write_npy(path, counting({10}));
  std::vector<std::jthread> writers;
  for (int size : {10, 20000}) {
    writers.emplace_back([&path, size] {
      for (int i = 0; i < 50; ++i) write_npy(path, counting({size}));
    });
  }
  for (int i = 0; i < 200; ++i) {
    const auto rows = minnow::read_npy(path).shape().rows();
    EXPECT_TRUE(rows == 10 || rows == 20000) << rows;
  }
  writers.clear();
  EXPECT_EQ(dir.entries(), 1U);
}

}  // namespace
