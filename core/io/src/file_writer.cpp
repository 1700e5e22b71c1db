#include "file_writer.h"

#include <minnow/error.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "fail.h"

namespace minnow {
namespace {

using Action = IoError::Action;

/// One file being written. Unless commit() is reached, nothing of it stays.
class Writer {
 public:
  Writer(std::string path, std::int64_t bytes) : path_(std::move(path)), bytes_(bytes) { open(); }
  ~Writer() {
    if (file_ >= 0) ::close(file_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(std::span<const std::byte> piece);
  void commit();

 private:
  void open();
  void open_temporary();
  void find_target();
  void check_size_limit() const;
  [[noreturn]] void fail(Action action, std::string_view call, int error_number) const;

  std::string path_;       // as the caller gave it, for messages
  std::string target_;     // symbolic links followed
  std::string temporary_;  // sibling of target_; empty when writing in place
  std::int64_t bytes_;
  bool exists_ = false;
  mode_t mode_ = 0;  // of the file that is replaced
  int file_ = -1;
};

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string free_space(const std::string& path) {
  struct statvfs space {};
  if (::statvfs(directory_of(path).c_str(), &space) != 0) return {};
  return cat("; ", static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize, " bytes free");
}

void Writer::fail(Action action, std::string_view call, int error_number) const {
  std::string evidence = cat(call, ": ", errno_text(error_number));
  const bool full = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
  if (full) evidence += cat("; ", bytes_, " bytes needed");
  if (full && error_number != EFBIG) evidence += free_space(target_);
  const bool open = action == Action::open_output;
  throw IoError({.code = open ? Code("MN-P05") : Code("MN-P01"),
                 .what = cat(path_, open ? " cannot be created." : " was not written."),
                 .evidence = std::move(evidence),
                 .effect = exists_ ? "the file that was there is unchanged" : ""},
                path_, action, error_number);
}

void Writer::find_target() {
  if (path_.empty()) fail(Action::open_output, "open", ENOENT);
  target_ = path_;
  // A link stays a link: what it points to is replaced.
  if (char* real = ::realpath(path_.c_str(), nullptr); real != nullptr) {
    target_ = real;
    std::free(real);
  }
  struct stat status {};
  if (::stat(target_.c_str(), &status) != 0) return;  // open says why, if that matters
  if (S_ISDIR(status.st_mode)) fail(Action::open_output, "stat", EISDIR);
  mode_ = status.st_mode;
  exists_ = S_ISREG(mode_);
  // rename() would replace a file that its owner protected.
  if (exists_ && ::access(target_.c_str(), W_OK) != 0) fail(Action::open_output, "access", errno);
}

/// Past this limit the kernel sends SIGXFSZ, which kills; a library may not touch signals.
void Writer::check_size_limit() const {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  if (static_cast<std::uint64_t>(bytes_) > limit.rlim_cur) {
    fail(Action::write, cat("limit on file size of ", std::uint64_t{limit.rlim_cur}, " bytes"),
         EFBIG);
  }
}

void Writer::open_temporary() {
  // O_EXCL keeps apart two threads that save to the same directory.
  const std::string stem = cat(directory_of(target_), "/.minnow-", ::getpid(), "-");
  int attempt = 0;
  do {
    temporary_ = cat(stem, attempt++, ".tmp");
    file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (file_ < 0 && (errno == EINTR || errno == EEXIST));
  if (file_ < 0) temporary_.clear();
}

void Writer::open() {
  find_target();
  const bool in_place = mode_ != 0 && !exists_;  // a device or a pipe
  if (in_place) {
    do {
      file_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
    } while (file_ < 0 && errno == EINTR);
  } else {
    check_size_limit();
    open_temporary();
  }
  if (file_ < 0) fail(Action::open_output, "open", errno);
  // The permissions stay those of the old file, as far as this process may set them.
  if (exists_) static_cast<void>(::fchmod(file_, mode_ & 07777));
}

void Writer::write(std::span<const std::byte> piece) {
  while (!piece.empty()) {
    const ssize_t done = ::write(file_, piece.data(), std::min(piece.size(), std::size_t{1} << 30));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail(Action::write, "write", done < 0 ? errno : EIO);
    piece = piece.subspan(static_cast<std::size_t>(done));
  }
}

void Writer::commit() {
  if (!temporary_.empty() && ::fsync(file_) != 0) fail(Action::write, "fsync", errno);
  const int closed = ::close(std::exchange(file_, -1));
  if (closed != 0 && errno != EINTR) fail(Action::write, "close", errno);
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(Action::write, "rename", errno);
  temporary_.clear();
  // Makes the new name survive a power failure. The content is in place already, and not every
  // file system can do this: no error.
  const int directory = ::open(directory_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  static_cast<void>(::fsync(directory));
  ::close(directory);
}

}  // namespace

void write_file(const std::string& path, const std::vector<std::span<const std::byte>>& pieces) {
  std::int64_t bytes = 0;
  for (const auto& piece : pieces) bytes += static_cast<std::int64_t>(piece.size());
  Writer writer(path, bytes);
  for (const auto& piece : pieces) writer.write(piece);
  writer.commit();
}

}  // namespace minnow
