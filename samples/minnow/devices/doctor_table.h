#pragma once

#include <minnow/device_report.h>

#include <string>

#include "terminal/terminal.h"

namespace minnow::command {

/// A line per finding, under a failing one its evidence and remedy, and the result.
std::string doctor_text(const DeviceReport& report, const Terminal& terminal);

}  // namespace minnow::command
