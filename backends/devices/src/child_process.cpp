#include "child_process.h"

#include <minnow/base/text.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

extern char** environ;

namespace minnow {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

class File {
 public:
  File() = default;
  explicit File(int number) : number_(number) {}
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~File() { reset(); }
  void reset() {
    if (number_ >= 0) close(std::exchange(number_, -1));
  }
  int number() const { return number_; }

 private:
  int number_ = -1;
};

struct Pipe {
  File read;
  File write;
};

// Above the standard files: a program that has closed those gets their numbers, and the child's
// standard files would be put over the pipe.
bool open_pipe(Pipe& made) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  const File read(ends[0]);
  const File write(ends[1]);
  made.read = File(fcntl(read.number(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  made.write = File(fcntl(write.number(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  return made.read.number() >= 0 && made.write.number() >= 0 &&
         fcntl(made.read.number(), F_SETFL, O_NONBLOCK) == 0;
}

// A process group of its own: Ctrl-C at the terminal is the application's business.
class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&value_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&value_, &none);
    posix_spawnattr_setsigdefault(&value_, &all);
    posix_spawnattr_setpgroup(&value_, 0);
    posix_spawnattr_setflags(
        &value_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~Attributes() { posix_spawnattr_destroy(&value_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &value_; }

 private:
  posix_spawnattr_t value_{};
};

class Actions {
 public:
  Actions(int output, int errors) {
    posix_spawn_file_actions_init(&value_);
    posix_spawn_file_actions_addopen(&value_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&value_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&value_, errors, STDERR_FILENO);
  }
  ~Actions() { posix_spawn_file_actions_destroy(&value_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &value_; }

 private:
  posix_spawn_file_actions_t value_{};
};

// Reads what is there; closes at the end.
void drain(File& file, std::string& text) {
  constexpr std::size_t kMax = 1 << 20;
  std::array<char, 4096> buffer{};
  while (file.number() >= 0) {
    const ssize_t got = read(file.number(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return file.reset();
    if (text.size() < kMax) text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

// 1: ended, with `status`; 0: not yet; -1: it is not ours any more, since an application that
// ignores SIGCHLD, or reaps every child, got it first.
int reap(pid_t child, int& status, int options) {
  pid_t answer = -1;
  do {
    answer = waitpid(child, &status, options);
  } while (answer < 0 && errno == EINTR);
  return answer == child ? 1 : answer == 0 ? 0 : -1;
}

// One that hangs inside the driver cannot be ended at once, or at all; it is not waited for then.
int end(pid_t child, int& status) {
  constexpr auto kPatience = milliseconds(500);
  const auto deadline = Clock::now() + kPatience;
  int state = reap(child, status, WNOHANG);
  // Only while the number is still that of our child.
  if (state == 0) kill(-child, SIGKILL);
  while (state == 0 && Clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(1));
    state = reap(child, status, WNOHANG);
  }
  return state;
}

// Until its output is closed, or the deadline: then false. Its standard error may stay open in a
// helper that the driver has started.
bool collect(Pipe& output, Pipe& errors, Clock::time_point deadline, ChildResult& result) {
  while (output.read.number() >= 0) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting[] = {{output.read.number(), POLLIN, 0}, {errors.read.number(), POLLIN, 0}};
    if (poll(waiting, 2, static_cast<int>(left.count())) < 0 && errno != EINTR) return false;
    drain(output.read, result.output);
    drain(errors.read, result.errors);
  }
  return true;
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& command, milliseconds limit) {
  ChildResult result;
  Pipe output;
  Pipe errors;
  if (!open_pipe(output) || !open_pipe(errors)) {
    result.start_error = errno;
    return result;
  }
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const auto deadline = Clock::now() + limit;
  pid_t child = 0;
  result.start_error = posix_spawn(&child, words[0].c_str(),
                                   Actions(output.write.number(), errors.write.number()).get(),
                                   Attributes().get(), arguments.data(), environ);
  if (result.start_error != 0) return result;
  output.write.reset();
  errors.write.reset();

  result.timed_out = !collect(output, errors, deadline, result);
  int status = 0;
  // It has closed its output, and may still be on its way out.
  int state = 0;
  while (!result.timed_out && (state = reap(child, status, WNOHANG)) == 0) {
    if (Clock::now() >= deadline) {
      result.timed_out = true;
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  if (result.timed_out) state = end(child, status);
  drain(errors.read, result.errors);
  if (state == 1 && WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
  if (state == 1 && WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name == nullptr ? cat("signal ", number) : cat("SIG", name);
}

}  // namespace minnow
