#pragma once

#include <minnow/error.h>

#include "terminal/terminal.h"

namespace minnow::command {

/// "minnow: ..." on standard error, once.
void print_failure(const Failure& failure, Terminal& terminal);

}  // namespace minnow::command
