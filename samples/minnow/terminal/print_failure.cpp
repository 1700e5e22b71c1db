#include "terminal/print_failure.h"

#include "terminal/numbers.h"
#include "terminal/printable.h"

namespace minnow::command {

void print_failure(const Failure& failure, Terminal& terminal) {
  const auto shown = [&](std::string_view part) { return printable(part, terminal.utf8); };
  const Error error({.code = Code::of(shown(failure.code)),
                     .what = shown(failure.what),
                     .evidence = shown(failure.evidence),
                     .remedy = shown(failure.remedy),
                     .effect = shown(failure.effect)});
  terminal.err.line(cat(paint("minnow:", Color::red, terminal.err_color), " ", error.what()));
}

}  // namespace minnow::command
