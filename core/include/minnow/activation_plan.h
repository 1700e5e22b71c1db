#pragma once

/// Where a program's values live, decided before anything is allocated.

#include <minnow/export.h>
#include <minnow/program.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace minnow {

/// Byte offsets of inputs, activations and results inside one block; -1 for values that live
/// elsewhere. Two values share bytes only if no op needs both. Offsets are multiples of 64.
struct ActivationPlan {
  std::vector<std::int64_t> offsets;  // by ValueId
  std::int64_t bytes = 0;
};
/// The ops among which a backend may run one: itself alone, unless it is merged with others.
struct OpSpan {
  int first = 0;
  int last = 0;
};
/// `bytes_of` says how much room a value needs in the backend's layout; `spans` is by op, or empty.
MINNOW_API ActivationPlan
plan_activations(const Program& program, const std::function<std::int64_t(const Value&)>& bytes_of,
                 const std::vector<OpSpan>& spans = {});

}  // namespace minnow
