#pragma once

/// What bench --json writes: JSON Lines, one object per row and one for the run.

#include <string>

#include "bench/result.h"
#include "terminal/exit_codes.h"

namespace minnow::command {

/// {"grid":"batch","net":"784-128-10","batch":32,"devices":[...]}
std::string bench_row_json(const BenchRun& run, const PlanRow& row);
/// {"run": {...}}; `problem` is null when the exit status is 0.
std::string bench_run_json(const BenchRun& run, Exit exit, const Problem* problem);

}  // namespace minnow::command
