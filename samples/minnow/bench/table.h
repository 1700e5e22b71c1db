#pragma once

#include <optional>
#include <string>

#include "bench/result.h"
#include "terminal/terminal.h"

namespace minnow::command {

/// The rows of both grids: the reference, and another device beside it if there is one.
std::string bench_table(const BenchRun& run, std::optional<std::size_t> other,
                        const Terminal& terminal);

}  // namespace minnow::command
