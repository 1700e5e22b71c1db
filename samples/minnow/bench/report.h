#pragma once

/// The lines of bench that a person reads. Lines end in "\n".

#include <string>

#include "arguments/arguments.h"
#include "bench/result.h"
#include "terminal/terminal.h"

namespace minnow::command {

/// Title and devices, a table for each device after the first, what follows from it, and the line
/// that repeats the command. Empty when there is no device.
std::string bench_report(const BenchRun& run, const Arguments& arguments, const Terminal& terminal);

/// "cuda is faster from batch ~9 (784-128-10)"
std::string crossover_text(const BenchRun& run, Grid grid, std::size_t other,
                           const Crossover& crossover);

/// "minnow bench --compare=cpu,cuda --seed=1 --rounds=7"
std::string repeat_text(const Arguments& arguments);

}  // namespace minnow::command
