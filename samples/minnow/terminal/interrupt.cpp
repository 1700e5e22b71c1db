#include "terminal/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

#include "terminal/exit_codes.h"

namespace minnow::command {
namespace {

constexpr int kEnd = SIGUSR2;  // from the destructor to the thread

void add_unless_ignored(sigset_t& signals, int number) {
  struct sigaction now {};
  const bool ignored = ::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
  if (!ignored) sigaddset(&signals, number);
}

}  // namespace

Interrupt::Interrupt() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, kEnd);
  add_unless_ignored(signals, SIGINT);
  add_unless_ignored(signals, SIGTERM);
  add_unless_ignored(signals, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::thread([signals, source = source_]() mutable {
    for (;;) {
      int number = 0;
      if (::sigwait(&signals, &number) != 0 || number == kEnd) return;
      if (source.stop_requested()) ::_exit(static_cast<int>(Exit::interrupted));
      source.request_stop();
    }
  });
}

Interrupt::~Interrupt() {
  ::pthread_kill(thread_.native_handle(), kEnd);
  thread_.join();
}

}  // namespace minnow::command
