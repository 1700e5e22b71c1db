#pragma once

#include "arguments/arguments.h"
#include "terminal/exit_codes.h"
#include "terminal/terminal.h"

namespace minnow::command {

Exit run_doctor(const Arguments& arguments, Terminal& terminal);

}  // namespace minnow::command
