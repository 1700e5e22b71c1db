#pragma once

/// What doctor and devices conclude from a report.

#include <minnow/device_report.h>

#include <string>
#include <string_view>

#include "terminal/exit_codes.h"

namespace minnow::command {

/// "cuda" is the first GPU, as for open(); null when the machine has no such device.
const DeviceFact* find_device(const DeviceReport& report, std::string_view name);
bool usable(const DeviceReport& report, std::string_view name);
/// What a failure says beside the name of what failed: "GPU not used: it is busy." is "it is busy".
std::string brief(std::string_view what);
/// "cuda cannot be used: no NVIDIA driver is installed."
std::string why_not_usable(const DeviceReport& report, const std::string& name);
std::size_t problems(const DeviceReport& report);
/// 0, or 1 with a problem; 69 when `strict`, if not empty, cannot be used.
Exit doctor_exit(const DeviceReport& report, std::string_view strict);

}  // namespace minnow::command
