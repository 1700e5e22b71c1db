#pragma once

/// Does a device compute what it should? The same training steps, from the same weights and data,
/// on two devices or in two ways.

#include <minnow/device_report.h>

#include <vector>

namespace minnow::command {

/// One for each usable GPU against the CPU; without one, the CPU's fused step against the plain
/// one, every operation alone. A failure of a device is a problem, not an exception.
std::vector<Finding> self_test(const DeviceReport& report);

}  // namespace minnow::command
