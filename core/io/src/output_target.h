#pragma once

/// The place of a file that is to be written: its folder, held open, and its name in there. All
/// calls go through the folder's descriptor, so that a temporary name beside the file is never too
/// long where the file's own is not.

#include <minnow/error.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace minnow {

/// Closes a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;

  int get() const noexcept { return fd_; }
  int release() noexcept;
  void reset() noexcept;

 private:
  int fd_ = -1;
};

class OutputTarget {
 public:
  enum class Use : std::uint8_t { write, trial };  // which of the two an error speaks of

  /// `bytes` is the size of the file, 0: not known.
  /// @throws IoError (open_output) for what rename() would refuse or should not replace.
  OutputTarget(std::string path, std::int64_t bytes, Use use);

  const std::string& path() const noexcept { return path_; }  // as the caller gave it
  int folder() const noexcept { return folder_.get(); }
  const char* name() const noexcept { return name_.c_str(); }
  std::int64_t bytes() const noexcept { return bytes_; }
  /// It is a device or a pipe: there is no folder then.
  bool in_place() const noexcept { return in_place_; }
  /// A file is there, of this mode.
  bool exists() const noexcept { return exists_; }
  mode_t mode() const noexcept { return mode_; }

  /// Past this limit the kernel sends SIGXFSZ, which kills; a library may not touch signals.
  /// @throws IoError.
  void check_size_limit() const;
  [[noreturn]] void fail(IoError::Action action, std::string_view call, int error_number) const;

 private:
  void follow_links();
  std::string remedy(int error_number) const;

  std::string path_;
  std::string target_;  // path_ with links followed
  std::int64_t bytes_;
  Use use_;
  Descriptor folder_;
  std::string name_;
  bool in_place_ = false;
  bool exists_ = false;
  mode_t mode_ = 0;
};

}  // namespace minnow
