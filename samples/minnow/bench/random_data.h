#pragma once

/// Rows of random features and targets for nets of the same inputs and outputs. Row i is the same
/// however many there are.

#include <minnow/tensor.h>

#include <cstdint>

#include "bench/plan.h"

namespace minnow::command {

class RandomData {
 public:
  RandomData(const Net& net, std::uint64_t seed) : net_(net), seed_(seed) {}

  /// (rows, inputs) in [0, 1). @throws ResourceExhausted, as y() does.
  Tensor x(std::int64_t rows);
  /// Labels (rows), or values (rows, 1).
  Tensor y(std::int64_t rows);

 private:
  Net net_;
  std::uint64_t seed_;
  Tensor x_;
  Tensor y_;
};

}  // namespace minnow::command
