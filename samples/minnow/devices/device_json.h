#pragma once

#include <minnow/device_report.h>

#include <string>

#include "terminal/exit_codes.h"

namespace minnow::command {

/// {"doctor": {...}}
std::string doctor_json(const DeviceReport& report, Exit exit);
/// {"devices": [...], "auto": "cpu"}
std::string devices_json(const DeviceReport& report);

}  // namespace minnow::command
