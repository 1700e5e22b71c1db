#pragma once

/// What a file system refuses depends on who asks: root may nearly everything.

#include <grp.h>
#include <minnow/error.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace minnow_test {

constexpr uid_t kNobody = 65534;

enum class User { self, ordinary };  // ordinary: nobody, where the tests run as root

inline bool become(User user) {
  if (user == User::self || ::geteuid() != 0) return true;
  return ::setgroups(0, nullptr) == 0 && ::setgid(kNobody) == 0 && ::setuid(kNobody) == 0;
}

/// In a process of its own: what() of the minnow::IoError that `action` throws; empty where it
/// throws nothing.
template <class Action>
std::string error_as(User user, Action&& action) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    std::string text;
    try {
      if (!become(user)) ::_exit(2);
      action();
    } catch (const minnow::IoError& error) {
      text = error.what();
    } catch (const std::exception& error) {
      text = std::string("not an IoError: ") + error.what();
    }
    const bool told = ::write(ends[1], text.data(), text.size()) >= 0;
    ::_exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? text : "the process ended with status " + std::to_string(status);
}

}  // namespace minnow_test
