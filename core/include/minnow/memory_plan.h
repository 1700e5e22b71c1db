#pragma once

/// Where a program's values live, decided before anything is allocated.

#include <minnow/export.h>
#include <minnow/program.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace minnow {

/// Bytes by class. For one trainer: what it holds on its device.
struct MemoryPlan {
  std::int64_t parameters = 0;
  std::int64_t gradients = 0;
  std::int64_t optimizer = 0;
  std::int64_t activations = 0;
  std::int64_t data = 0;  // rows that were copied to the device
  std::int64_t workspace = 0;
  std::int64_t total() const noexcept {
    return parameters + gradients + optimizer + activations + data + workspace;
  }
  MemoryPlan& operator+=(const MemoryPlan& other) noexcept {
    parameters += other.parameters;
    gradients += other.gradients;
    optimizer += other.optimizer;
    activations += other.activations;
    data += other.data;
    workspace += other.workspace;
    return *this;
  }
  MINNOW_API std::string str() const;  // "parameters 0.39 MiB, gradients 0.39 MiB, ..."
};

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

MINNOW_API std::string format_bytes(std::int64_t bytes);  // "1.99 MiB"

}  // namespace minnow
