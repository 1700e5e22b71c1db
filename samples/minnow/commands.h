#pragma once

/// The commands. Each returns its exit status; failures are thrown, but train and bench print
/// theirs, as
/// --json wants what was known until then.

#include "arguments.h"
#include "exit_codes.h"
#include "terminal.h"

namespace minnow::command {

Exit run_train(const Arguments& arguments, Terminal& terminal);
Exit run_predict(const Arguments& arguments, Terminal& terminal);
Exit run_summary(const Arguments& arguments, Terminal& terminal);
Exit run_bench(const Arguments& arguments, Terminal& terminal);
Exit run_devices(const Arguments& arguments, Terminal& terminal);
Exit run_doctor(const Arguments& arguments, Terminal& terminal);
Exit run_explain(const Arguments& arguments, Terminal& terminal);

/// "minnow: ..." on standard error, once.
void print_failure(const Failure& failure, Terminal& terminal);

}  // namespace minnow::command
