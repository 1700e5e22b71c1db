#pragma once

/// Does a device compute what it should? The same training steps, from the same weights and data,
/// on two devices or in two ways.

#include <minnow/device_report.h>
#include <minnow/tensor.h>

#include <string>
#include <vector>

namespace minnow::command {

/// One for each usable GPU against the CPU; without one, the CPU's fused step against the plain
/// one, every operation alone. A failure of a device is a problem, not an exception.
std::vector<Finding> self_test(const DeviceReport& report);

/// A problem unless no weight differs by more than training on two devices may.
/// `way` is what is compared: "on cuda:0 against cpu".
Finding compare_weights(const std::vector<Tensor>& weights, const std::vector<Tensor>& reference,
                        const std::string& way);

}  // namespace minnow::command
