#pragma once

#include <minnow/memory_plan.h>

#include <cstdint>

#include "device_model.h"

namespace minnow {

/// What one fit puts on a device beside the weights.
struct Workload {
  std::int64_t rows = 0;
  std::int64_t batch = 0;
  std::int64_t slice = 0;  // 0: whole batches
  DType x = DType::f32;
  TargetKind target = TargetKind::none;
  std::int64_t validation_rows = 0;
  std::int64_t validation_batch = 1;
  DType validation_x = DType::f32;
  friend bool operator==(const Workload&, const Workload&) = default;
};

/// Rows of the slices of a batch: at most `most`, and no more than the batch; 0 for the whole.
std::int64_t slice_rows(std::int64_t batch, std::int64_t most);

/// Records what the fit would compile; allocates nothing on the device.
MemoryPlan plan_memory(const DeviceModel& device_model, const Workload& workload);

/// Bytes that the fit may take: what is free, and what this trainer holds already. -1: not known.
std::int64_t available(const DeviceModel& device_model);

/// The most rows of a slice, halving the batch, with which the fit fits; 0: none, or not known.
std::int64_t fitting_slice(const DeviceModel& device_model, Workload workload, std::int64_t bytes);

/// @throws ResourceExhausted with the table, the largest batch that fits and the slices that would
/// keep the batch.
[[noreturn]] void throw_does_not_fit(const DeviceModel& device_model, const Workload& workload,
                                     const MemoryPlan& plan, std::int64_t bytes);

}  // namespace minnow
