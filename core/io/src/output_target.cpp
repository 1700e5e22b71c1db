#include "output_target.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "fail.h"

namespace minnow {
namespace {

using Action = IoError::Action;

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

/// One file of a container is often mounted; nothing can be renamed to it.
bool is_mount_point(int folder, const char* name) {
  struct statx status {};
  return ::statx(folder, name, AT_SYMLINK_NOFOLLOW, 0, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  reset();
  fd_ = other.release();
  return *this;
}

int Descriptor::release() noexcept { return std::exchange(fd_, -1); }

void Descriptor::reset() noexcept {
  if (fd_ >= 0) ::close(release());
}

OutputTarget::OutputTarget(std::string path, std::int64_t bytes, Use use)
    : path_(std::move(path)), target_(path_), bytes_(bytes), use_(use) {
  if (path_.empty()) fail(Action::open_output, "open", ENOENT);
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) fail(Action::open_output, "open", EISDIR);
    exists_ = S_ISREG(status.st_mode);
    in_place_ = !exists_;
    mode_ = status.st_mode & 07777;
  }
  if (in_place_) return;
  follow_links();
  folder_ = Descriptor(::open(directory_of(target_).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder() < 0) fail(Action::open_output, "open", errno);
  name_ = target_.substr(target_.rfind('/') + 1);
  if (!exists_) return;
  // rename() would replace a file that its owner protected.
  if (::faccessat(folder(), name(), W_OK, AT_EACCESS) != 0) {
    fail(Action::open_output, "access", errno);
  }
  if (is_mount_point(folder(), name())) fail(Action::open_output, "rename", EBUSY);
}

void OutputTarget::follow_links() {
  constexpr int kMostLinks = 40;  // Linux's own limit
  for (int links = 0;; ++links) {
    std::error_code no_link;
    const auto to = std::filesystem::read_symlink(target_, no_link);
    if (no_link) return;
    if (links == kMostLinks) fail(Action::open_output, "open", ELOOP);
    target_ = (std::filesystem::path(target_).parent_path() / to).string();
  }
}

void OutputTarget::check_size_limit() const {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  if (static_cast<std::uint64_t>(bytes_) > limit.rlim_cur) {
    fail(Action::write, cat("limit on file size of ", std::uint64_t{limit.rlim_cur}, " bytes"),
         EFBIG);
  }
}

std::string OutputTarget::remedy(int error_number) const {
  switch (error_number) {
    case ENOENT:
      return folder() < 0 && !path_.empty() ? "mkdir -p " + directory_of(target_) : "";
    case ENOTDIR:
      return "name a file in a folder";
    case EISDIR:
      return "name a file in it";
    case ELOOP:
      return "remove the link, or name another file";
    case EBUSY:
      return "mount its folder, not the file";
    case ENAMETOOLONG:
      return "give it a shorter name";
    case ENOSPC:
    case EDQUOT:
      return "make room there, or name a file on another disk";
    case EFBIG:
      return "raise the limit (ulimit -f), or name a file on another disk";
    case EACCES:
    case EPERM:
    case EROFS:
      return "name a file that you may replace, in a folder that you may write in";
    default:
      return {};
  }
}

void OutputTarget::fail(Action action, std::string_view call, int error_number) const {
  const bool trial = use_ == Use::trial;
  const bool open = trial || action == Action::open_output;
  const bool full = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
  std::string evidence = cat(call, ": ", errno_text(error_number));
  if (target_ != path_) evidence += cat("; it is a link to ", target_);
  if (full && bytes_ > 0) evidence += cat("; ", bytes_, " bytes needed");
  if (full && error_number != EFBIG) evidence += free_space(target_);
  throw IoError({.code = open ? Code("MN-P05") : Code("MN-P01"),
                 .what = cat(path_, open ? " cannot be written." : " was not written."),
                 .evidence = std::move(evidence),
                 .remedy = remedy(error_number),
                 .effect = exists_ ? "the file that was there is unchanged"
                           : trial ? "nothing was written"
                                   : ""},
                path_, open ? Action::open_output : action, error_number);
}

}  // namespace minnow
