#pragma once

#include <string>

#include "bench/result.h"

namespace minnow::command {

/// One line per row and device, times in milliseconds; what was not measured is empty. Numbers have
/// all their digits.
std::string bench_csv(const BenchRun& run);

}  // namespace minnow::command
