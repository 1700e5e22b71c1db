#pragma once

/// SIGINT, SIGTERM and SIGHUP (the terminal is gone) as a stop token. The first one asks the run to
/// end after the step in flight, the second ends the program at once.

#include <stop_token>
#include <thread>

namespace minnow::command {

class Interrupt {
 public:
  /// Blocks the signals in this thread and those it starts from here on; one thread of its own
  /// waits for them, so no code runs inside a handler. A signal that is ignored stays ignored.
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  bool requested() const { return source_.stop_requested(); }

 private:
  std::stop_source source_;
  std::thread thread_;
};

}  // namespace minnow::command
