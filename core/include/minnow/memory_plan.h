#pragma once

/// How much memory something takes, by class.

#include <minnow/export.h>

#include <cstdint>
#include <string>

namespace minnow {

/// Bytes by class: what a program or a trainer will take, or what a device has given.
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

MINNOW_API std::string format_bytes(std::int64_t bytes);  // "1.99 MiB"

}  // namespace minnow
