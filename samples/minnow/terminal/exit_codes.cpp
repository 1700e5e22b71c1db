#include "terminal/exit_codes.h"

#include <new>
#include <system_error>
#include <utility>

namespace minnow::command {
namespace {

Exit exit_of(const Error& error) {
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return Exit::usage;
  if (dynamic_cast<const DeviceUnavailable*>(&error) != nullptr) return Exit::device;
  if (dynamic_cast<const DeviceError*>(&error) != nullptr) return Exit::device;
  if (dynamic_cast<const ResourceExhausted*>(&error) != nullptr) return Exit::exhausted;
  if (const auto* io = dynamic_cast<const IoError*>(&error)) {
    return io->action() == IoError::Action::open_output ? Exit::cannot_create : Exit::io;
  }
  if (dynamic_cast<const ShapeError*>(&error) != nullptr ||
      dynamic_cast<const InvalidArgument*>(&error) != nullptr ||
      dynamic_cast<const NumericError*>(&error) != nullptr ||
      dynamic_cast<const FormatError*>(&error) != nullptr) {
    return Exit::bad_data;
  }
  return Exit::internal;
}

}  // namespace

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

std::string text_of(const Failure& failure) { return Error(failure).what(); }

}  // namespace minnow::command
