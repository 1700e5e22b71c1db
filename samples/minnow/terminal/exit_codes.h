#pragma once

/// What the command's exit status says (sysexits.h where it has a number for it), and how an
/// exception becomes one.

#include <minnow/error.h>
#include <minnow/error_codes.h>

#include <exception>
#include <string>
#include <utility>

namespace minnow::command {

enum class Exit : int {
  ok = 0,
  problem = 1,         // doctor found one
  usage = 64,          // the command line
  bad_data = 65,       // a corrupt file, a shape, a label, a number that is not finite
  device = 69,         // a device that was required cannot be used
  internal = 70,       // a mistake of ours
  cannot_create = 73,  // the output has no place
  io = 74,             // opening an input, reading or writing failed
  exhausted = 75,      // memory
  interrupted = 130,   // SIGINT, SIGTERM or SIGHUP, the model is saved
};

/// Of the command when it ends with this code; `ok` when work goes on.
Exit exit_of(const ErrorCode& code);

/// A mistake on the command line.
class UsageError : public Error {
 public:
  using Error::Error;
};

[[noreturn]] void usage_error(std::string what, std::string evidence = {}, std::string remedy = {});

/// What the library finds wrong in `work` was said on the command line.
template <class Work>
auto from_command_line(Work&& work) -> decltype(work()) {
  try {
    return std::forward<Work>(work)();
  } catch (const InvalidArgument& error) {
    throw UsageError(error.failure());
  } catch (const ShapeError& error) {
    throw UsageError(error.failure());
  }
}

struct Problem {
  Failure failure = {};
  Exit exit = Exit::internal;
};
/// Of the exception that is being handled.
Problem current_problem();

}  // namespace minnow::command
