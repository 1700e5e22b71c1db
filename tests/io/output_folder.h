#pragma once

/// A folder for outputs, and what can stand in their way there.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <minnow/output_file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "test_files.h"
#include "users.h"

namespace minnow_test {

inline const std::string kOld = "the old content";
constexpr std::int64_t kBytes = 20'000;

/// What an output does whose trial is to be told apart from it.
inline void save(const std::string& path) {
  minnow::OutputFile file(path, kBytes);
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

/// The trial finds nothing, the file is as it was, and the output works.
inline void expect_fine(const Folder& folder, const std::string& path, User user = User::self) {
  const auto names = folder.names();
  struct stat before {};
  const bool there = ::stat(path.c_str(), &before) == 0;
  EXPECT_EQ(error_as(user, [&] { minnow::check_output(path, kBytes); }), "");
  EXPECT_EQ(folder.names(), names);
  struct stat after {};
  EXPECT_EQ(::stat(path.c_str(), &after) == 0, there);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
  EXPECT_EQ(error_as(user, [&] { save(path); }), "");
  EXPECT_EQ(slurp(path), std::string(kBytes, 'n'));
}

}  // namespace minnow_test
