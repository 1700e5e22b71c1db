#include "terminal/exit_codes.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>

namespace minnow::command {
namespace {

template <class E>
bool is(const Error& error) {
  return dynamic_cast<const E*>(&error) != nullptr;
}

struct Kind {
  std::string_view type;  // as error_codes.h names it
  bool (*matches)(const Error& error);
  Exit exit;
};
constexpr Kind kKinds[] = {
    {"UsageError", is<UsageError>, Exit::usage},
    {"DeviceUnavailable", is<DeviceUnavailable>, Exit::device},
    {"DeviceError", is<DeviceError>, Exit::device},
    {"ResourceExhausted", is<ResourceExhausted>, Exit::exhausted},
    {"IoError", is<IoError>, Exit::io},
    {"ShapeError", is<ShapeError>, Exit::bad_data},
    {"InvalidArgument", is<InvalidArgument>, Exit::bad_data},
    {"NumericError", is<NumericError>, Exit::bad_data},
    {"FormatError", is<FormatError>, Exit::bad_data},
};

template <class Condition>
Exit exit_where(Condition&& holds) {
  const auto found = std::ranges::find_if(kKinds, holds);
  return found == std::end(kKinds) ? Exit::internal : found->exit;
}

Exit exit_of(const Error& error) {
  const auto* io = dynamic_cast<const IoError*>(&error);
  if (io != nullptr && io->action() == IoError::Action::open_output) return Exit::cannot_create;
  return exit_where([&](const Kind& kind) { return kind.matches(error); });
}

}  // namespace

Exit exit_of(const ErrorCode& code) {
  if (code.code == "MN-K05") return Exit::problem;  // of doctor's self-test
  if (code.code == "MN-P05") return Exit::cannot_create;
  if (code.type.empty()) return Exit::ok;
  return exit_where([&](const Kind& kind) { return kind.type == code.type; });
}

void usage_error(std::string what, std::string evidence, std::string remedy) {
  throw UsageError({.code = "MN-U01",
                    .what = std::move(what),
                    .evidence = std::move(evidence),
                    .remedy = std::move(remedy)});
}

Problem current_problem() {
  try {
    throw;
  } catch (const Error& error) {
    return {.failure = error.failure(), .exit = exit_of(error)};
  } catch (const std::bad_alloc&) {
    return {.failure = {.code = "MN-M08",
                        .what = "not enough host memory.",
                        .remedy = "a smaller --batch, fewer units in --layers, or less data"},
            .exit = Exit::exhausted};
  } catch (const std::exception& error) {
    const auto* refused = dynamic_cast<const std::system_error*>(&error);
    if (refused != nullptr && refused->code() == std::errc::resource_unavailable_try_again) {
      return {
          .failure = {.code = "MN-M08",
                      .what = "not enough host memory for a thread.",
                      .evidence = error.what(),
                      .remedy = "raise the limits of memory (ulimit -v) and processes (ulimit -u)"},
          .exit = Exit::exhausted};
    }
    return {.failure = {.code = "MN-X01", .what = "internal error.", .evidence = error.what()},
            .exit = Exit::internal};
  }
}

}  // namespace minnow::command
