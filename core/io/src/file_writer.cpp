#include "file_writer.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fail.h"

namespace minnow {
namespace {

using Action = IoError::Action;

/// ".minnow-4711-0.tmp": told apart by process and number; whoever makes it asks for a new file.
std::string temporary_name(int attempt) {
  return cat(".minnow-", ::getpid(), "-", attempt, ".tmp");
}

}  // namespace

FileWriter::FileWriter(const std::string& path, std::int64_t bytes, OutputTarget::Use use)
    : target_(path, bytes, use) {
  // Opening a pipe waits for its reader: no trial.
  if (!target_.in_place() || use == OutputTarget::Use::write) open();
}

void FileWriter::drop_temporary() noexcept {
  if (!temporary_.empty()) ::unlinkat(target_.folder(), temporary_.c_str(), 0);
  temporary_.clear();
}

bool FileWriter::open_named() {
  int attempt = 0;
  do {
    temporary_ = temporary_name(attempt++);
    file_ = Descriptor(::openat(target_.folder(), temporary_.c_str(),
                                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  } while (file_.get() < 0 && (errno == EINTR || errno == EEXIST));
  if (file_.get() < 0) temporary_.clear();
  return file_.get() >= 0;
}

void FileWriter::open() {
  if (target_.in_place()) {
    do {
      file_ = Descriptor(::open(target_.path().c_str(), O_WRONLY | O_CLOEXEC));
    } while (file_.get() < 0 && errno == EINTR);
    if (file_.get() < 0) target_.fail(Action::open_output, "open", errno);
    return;
  }
  target_.check_size_limit();
  file_ = Descriptor(::openat(target_.folder(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  if (file_.get() < 0 && !open_named()) target_.fail(Action::open_output, "open", errno);
  // The permissions stay those of the old file, as far as this process may set them.
  if (target_.exists()) static_cast<void>(::fchmod(file_.get(), target_.mode()));
}

void FileWriter::write(std::span<const std::byte> piece) {
  while (!piece.empty()) {
    const ssize_t done =
        ::write(file_.get(), piece.data(), std::min(piece.size(), std::size_t{1} << 30));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) target_.fail(Action::write, "write", done < 0 ? errno : EIO);
    piece = piece.subspan(static_cast<std::size_t>(done));
  }
}

/// rename() needs one. Where a security profile forbids links, the content goes into a file that
/// had a name from the beginning.
void FileWriter::give_name() {
  if (!temporary_.empty()) return;
  const std::string from = cat("/proc/self/fd/", file_.get());
  int attempt = 0;
  int linked = 0;
  do {
    temporary_ = temporary_name(attempt++);
    linked =
        ::linkat(AT_FDCWD, from.c_str(), target_.folder(), temporary_.c_str(), AT_SYMLINK_FOLLOW);
  } while (linked != 0 && errno == EEXIST);
  if (linked == 0) return;
  temporary_.clear();
  copy_to_named();
}

void FileWriter::copy_to_named() {
  const Descriptor from = std::move(file_);
  if (!open_named()) target_.fail(Action::open_output, "open", errno);
  if (target_.exists()) static_cast<void>(::fchmod(file_.get(), target_.mode()));
  off_t done = 0;
  const off_t end = ::lseek(from.get(), 0, SEEK_END);
  while (done < end) {
    const ssize_t copied =
        ::sendfile(file_.get(), from.get(), &done, static_cast<std::size_t>(end - done));
    if (copied < 0 && errno == EINTR) continue;
    if (copied <= 0) target_.fail(Action::write, "sendfile", copied < 0 ? errno : EIO);
  }
}

void FileWriter::sync() {
  if (::fsync(file_.get()) != 0) target_.fail(Action::write, "fsync", errno);
}

void FileWriter::commit() {
  if (!target_.in_place()) {
    give_name();
    sync();
  }
  const int closed = ::close(file_.release());
  if (closed != 0 && errno != EINTR) target_.fail(Action::write, "close", errno);
  if (target_.in_place()) return;
  const int folder = target_.folder();
  if (::renameat(folder, temporary_.c_str(), folder, target_.name()) != 0) {
    target_.fail(Action::write, "rename", errno);
  }
  temporary_.clear();
  // Makes the new name survive a power failure. The content is in place already, and not every
  // file system can do this: no error.
  const Descriptor readable(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (readable.get() >= 0) static_cast<void>(::fsync(readable.get()));
}

void FileWriter::try_all() {
  if (target_.in_place()) {
    if (::euidaccess(target_.path().c_str(), W_OK) != 0) {
      target_.fail(Action::open_output, "access", errno);
    }
    return;
  }
  try_room();
  give_name();
  target_.exists() ? try_replacing() : try_new_name();
}

/// Blocks for all of it, given back with the file. Only an answer that there is no room counts:
/// not every file system can tell.
void FileWriter::try_room() {
  int taken = 0;
  do {
    taken = ::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, target_.bytes());
  } while (taken != 0 && errno == EINTR);
  if (taken != 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
    target_.fail(Action::write, "fallocate", errno);
  }
  const std::byte one{};
  write({&one, 1});
  sync();
  // A name that this process is killed before it gives back is at least that of an empty file.
  if (::ftruncate(file_.get(), 0) != 0) target_.fail(Action::write, "ftruncate", errno);
}

/// As renameat2() with RENAME_NOREPLACE, also where a file system does not know that.
int FileWriter::rename_to_free(const char* from, const char* to) const {
  const int folder = target_.folder();
  const int renamed = ::renameat2(folder, from, folder, to, RENAME_NOREPLACE);
  if (renamed == 0 || (errno != EINVAL && errno != ENOSYS)) return renamed;
  if (::faccessat(folder, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EEXIST;
    return -1;
  }
  return ::renameat(folder, from, folder, to);
}

/// The name is taken, then given back.
void FileWriter::try_new_name() {
  if (rename_to_free(temporary_.c_str(), target_.name()) != 0) {
    if (errno == EEXIST) return;  // another program has made it meanwhile
    target_.fail(Action::write, "rename", errno);
  }
  const int folder = target_.folder();
  if (::renameat(folder, target_.name(), folder, temporary_.c_str()) != 0) {
    target_.fail(Action::write, "rename", errno);
  }
  // Another program may have saved a file there in between, which is then what came back.
  struct stat ours {};
  struct stat back {};
  if (::fstat(file_.get(), &ours) != 0 ||
      ::fstatat(folder, temporary_.c_str(), &back, AT_SYMLINK_NOFOLLOW) != 0 ||
      ours.st_ino == back.st_ino) {
    return;
  }
  if (rename_to_free(temporary_.c_str(), target_.name()) == 0) temporary_.clear();
}

/// rename() puts no folder in the place of a file, but says so (ENOTDIR) only when it would have
/// replaced it otherwise: the file is never touched, and immutable files, those that only grow and
/// those of others in a sticky folder are found.
void FileWriter::try_replacing() {
  const int folder = target_.folder();
  const std::string directory = cat(temporary_, ".d");
  if (::mkdirat(folder, directory.c_str(), 0700) != 0) return;  // and nobody can tell
  const int renamed = ::renameat(folder, directory.c_str(), folder, target_.name());
  const int error = errno;
  ::unlinkat(folder, renamed == 0 ? target_.name() : directory.c_str(), AT_REMOVEDIR);
  if (renamed != 0 && error != ENOTDIR) target_.fail(Action::write, "rename", error);
}

}  // namespace minnow
