#pragma once

#include "arguments/arguments.h"
#include "terminal/exit_codes.h"
#include "terminal/terminal.h"

namespace minnow::command {

/// Prints its own failures, as --json wants what was known until then.
Exit run_bench(const Arguments& arguments, Terminal& terminal);

}  // namespace minnow::command
