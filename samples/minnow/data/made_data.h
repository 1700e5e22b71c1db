#pragma once

/// Data sets that are computed, not read.

#include <cstdint>

#include "data/dataset.h"

namespace minnow::command {

/// X = rand(100, 10), y = rand(100, 1): nothing to learn, the smallest thing that trains.
Dataset make_toy(std::uint64_t seed);

/// y = 10 sin(pi x1 x2) + 20 (x3 - 0.5)^2 + 10 x4 + 5 x5 + N(0, 1), x uniform in [0, 1)^10.
/// Friedman, "Multivariate Adaptive Regression Splines" (Annals of Statistics 19, 1991).
Dataset make_friedman1(std::uint64_t seed);

}  // namespace minnow::command
