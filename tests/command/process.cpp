#include "process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

extern char** environ;

namespace minnow::test {
namespace {

constexpr int kPatience = 120'000;  // milliseconds

// That of the test without what decides on language and colour, so that no one's settings count.
std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    if (name.rfind("LC_", 0) == 0 || name == "LANG" || name == "TERM" || name == "NO_COLOR" ||
        name == "COLUMNS")
      continue;
    all.push_back(text);
  }
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> command_line(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {MINNOW_COMMAND};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string(what) + " failed");
}

// The read end of a pipe, or -1.
int attach(posix_spawn_file_actions_t& actions, Sink sink, int fd, std::vector<int>& to_close) {
  if (sink == Sink::closed) {
    require(posix_spawn_file_actions_addclose(&actions, fd) == 0, "addclose");
    return -1;
  }
  if (sink == Sink::full) {
    require(posix_spawn_file_actions_addopen(&actions, fd, "/dev/full", O_WRONLY, 0) == 0, "open");
    return -1;
  }
  int ends[2];
  require(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
  require(posix_spawn_file_actions_adddup2(&actions, ends[1], fd) == 0, "dup2");
  to_close.push_back(ends[1]);
  return ends[0];
}

int exit_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

void append_available(int& fd, std::string& text) {
  char buffer[65536];
  const ssize_t got = ::read(fd, buffer, sizeof buffer);
  if (got > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
  } else if (got == 0 || errno != EINTR) {
    ::close(fd);
    fd = -1;
  }
}

}  // namespace

Place::Place() {
  std::string name = (std::filesystem::temp_directory_path() / "minnow-test-XXXXXX").string();
  require(mkdtemp(name.data()) != nullptr, "mkdtemp");
  path_ = name;
}

Place::~Place() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void Place::write(const std::string& name, const std::string& content) const {
  std::ofstream(path_ / name, std::ios::binary) << content;
}

std::string Place::read(const std::string& name) const {
  std::ostringstream text;
  text << std::ifstream(path_ / name, std::ios::binary).rdbuf();
  return text.str();
}

Process::Process(const Place& place, const std::vector<std::string>& arguments,
                 const Streams& streams) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, place.path().c_str());
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  std::vector<int> to_close;
  out_ = attach(actions, streams.out, 1, to_close);
  err_ = attach(actions, streams.err, 2, to_close);
  // Whoever started the tests may ignore signals.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&defaults, number);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

  auto all = command_line(arguments);
  all.insert(all.begin(), streams.under.begin(), streams.under.end());
  auto environment = environment_with(streams.environment);
  const int error = posix_spawnp(&pid_, all.front().c_str(), &actions, &attributes,
                                 pointers(all).data(), pointers(environment).data());
  for (const int fd : to_close) ::close(fd);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  require(error == 0, "posix_spawnp");
}

Process::~Process() {
  for (const int fd : {out_, err_}) {
    if (fd != -1) ::close(fd);
  }
  if (pid_ == -1) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Process::take_in() {
  if (out_ == -1 && err_ == -1) return false;
  pollfd ready[2] = {{.fd = out_, .events = POLLIN, .revents = 0},
                     {.fd = err_, .events = POLLIN, .revents = 0}};
  if (::poll(ready, 2, kPatience) == 0) {
    ADD_FAILURE() << "no word from the command for two minutes; so far:\n" << outcome_.err;
    ::kill(pid_, SIGKILL);
  }
  if (ready[0].revents != 0) append_available(out_, outcome_.out);
  if (ready[1].revents != 0) append_available(err_, outcome_.err);
  return true;
}

void Process::wait_for_lines(std::size_t lines) {
  const auto seen = [&] {
    return static_cast<std::size_t>(std::count(outcome_.out.begin(), outcome_.out.end(), '\n'));
  };
  while (seen() < lines && take_in()) {
  }
}

void Process::send(int signal) const { ::kill(pid_, signal); }

void Process::close_output() {
  ::close(out_);
  out_ = -1;
}

Outcome Process::finish() {
  while (take_in()) {
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) == -1 && errno == EINTR) {
  }
  pid_ = -1;
  outcome_.exit = exit_of(status);
  return outcome_;
}

Outcome run(const Place& place, const std::vector<std::string>& arguments, const Streams& streams) {
  return Process(place, arguments, streams).finish();
}

Outcome run_on_terminal(const Place& place, const std::vector<std::string>& arguments, int columns,
                        const std::vector<std::string>& environment) {
  auto all = command_line(arguments);
  auto variables = environment_with(environment);
  const auto all_pointers = pointers(all);
  const auto variable_pointers = pointers(variables);
  winsize size{};
  size.ws_row = 24;
  size.ws_col = static_cast<unsigned short>(columns);
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
  require(pid >= 0, "forkpty");
  if (pid == 0) {
    if (::chdir(place.path().c_str()) == 0) {
      ::execve(MINNOW_COMMAND, all_pointers.data(), variable_pointers.data());
    }
    ::_exit(127);
  }
  Outcome outcome;
  while (terminal != -1) append_available(terminal, outcome.out);  // EIO: the other end has gone
  int status = 0;
  ::waitpid(pid, &status, 0);
  outcome.exit = exit_of(status);
  return outcome;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace minnow::test
