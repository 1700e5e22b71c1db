#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace minnow {

/// How another program ended, and what it wrote.
struct ChildResult {
  int start_error = 0;     // errno of the start; 0: it was started
  bool timed_out = false;  // it was ended after the time limit
  int exit_status = -1;    // -1: not known, a signal ended it or the application reaped it
  int signal = 0;          // that ended it; 0: none, or not known
  std::string output;      // at most a MiB of each
  std::string errors;
};

/// Starts a program and waits for its end, for `limit` at most. Standard input is empty. Signal
/// handlers, the signal mask and the open files of this process stay as they are, whichever of them
/// the application has set or closed; the program starts with none of them.
ChildResult run_child(const std::vector<std::string>& command, std::chrono::milliseconds limit);

/// "SIGSEGV"; "signal 63" for one without a name.
std::string signal_name(int number);

}  // namespace minnow
