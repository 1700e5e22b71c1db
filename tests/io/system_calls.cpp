#include "system_calls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace {

std::string failing_call;
int failing_error = 0;
int calls_until_kill = -1;  // below 0: none
minnow_test::Moment kill_moment = minnow_test::Moment::before;

template <class Function, class... Arguments>
auto call(const char* name, Function*, Arguments... arguments) {
  using Result = decltype(std::declval<Function>()(arguments...));
  if (failing_call == name) {
    errno = failing_error;
    return Result{-1};
  }
  const bool last = calls_until_kill >= 0 && calls_until_kill-- == 0;
  if (last && kill_moment == minnow_test::Moment::before) ::raise(SIGKILL);
  void* found = ::dlsym(RTLD_NEXT, name);
  if (found == nullptr) std::abort();
  const Result result = reinterpret_cast<Function*>(found)(arguments...);
  if (last) ::raise(SIGKILL);
  return result;
}

}  // namespace

namespace minnow_test {

FailingCall::FailingCall(const std::string& name, int error) {
  failing_call = name;
  failing_error = error;
}
FailingCall::~FailingCall() { failing_call.clear(); }

void kill_at_call(int call, Moment moment) {
  calls_until_kill = call;
  kill_moment = moment;
}

}  // namespace minnow_test

extern "C" {

int openat(int folder, const char* path, int flags, ...) {
  const bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
  mode_t mode = 0;
  if (unnamed || (flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  if (unnamed && failing_call == "O_TMPFILE") {
    errno = failing_error;
    return -1;
  }
  return call("openat", &openat, folder, path, flags, mode);
}
int fallocate(int file, int mode, off_t begin, off_t size) {
  return call("fallocate", &fallocate, file, mode, begin, size);
}
ssize_t write(int file, const void* bytes, size_t size) {
  return call("write", &write, file, bytes, size);
}
int ftruncate(int file, off_t size) noexcept { return call("ftruncate", &ftruncate, file, size); }
int fsync(int file) { return call("fsync", &fsync, file); }
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  return call("linkat", &linkat, from_folder, from, to_folder, to, flags);
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return call("renameat", &renameat, from_folder, from, to_folder, to);
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned int flags) noexcept {
  return call("renameat2", &renameat2, from_folder, from, to_folder, to, flags);
}
int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  return call("mkdirat", &mkdirat, folder, path, mode);
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  return call("unlinkat", &unlinkat, folder, path, flags);
}

}  // extern "C"
