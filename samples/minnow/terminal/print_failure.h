#pragma once

#include <minnow/error.h>

#include "terminal/terminal.h"

namespace minnow::command {

/// "minnow: ..." on standard error, once. What a part holds from elsewhere, a file's name for one,
/// cannot steer the terminal.
void print_failure(const Failure& failure, Terminal& terminal);

}  // namespace minnow::command
