#pragma once

/// The calls that write a file, each of which a test can make fail, or make the end of the process.
/// They take the place of libc's in the program that links system_calls.cpp.

#include <string>

namespace minnow_test {

/// For as long as it lives, every call named `name` ("renameat") answers with `error`.
class FailingCall {
 public:
  FailingCall(const std::string& name, int error);
  ~FailingCall();
  FailingCall(const FailingCall&) = delete;
  FailingCall& operator=(const FailingCall&) = delete;
};

/// The process is killed, as by kill -9, before or after its call number `call`, counted from 0.
enum class Moment { before, after };
void kill_at_call(int call, Moment moment);

}  // namespace minnow_test
