#pragma once

#include <minnow/device_report.h>

#include <string>

#include "terminal/terminal.h"

namespace minnow::command {

/// A line per device.
std::string devices_text(const DeviceReport& report, const Terminal& terminal);

}  // namespace minnow::command
