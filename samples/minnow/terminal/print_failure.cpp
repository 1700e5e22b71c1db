#include "terminal/print_failure.h"

#include "terminal/exit_codes.h"

namespace minnow::command {

void print_failure(const Failure& failure, Terminal& terminal) {
  terminal.err.line(paint("minnow:", Color::red, terminal.err_color) + " " + text_of(failure));
}

}  // namespace minnow::command
