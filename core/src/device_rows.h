#pragma once

#include <minnow/backend.h>

#include <cstdint>
#include <memory>

#include "check_data.h"

namespace minnow {

/// Checked rows on a device.
struct DeviceRows {
  DeviceRows(Backend& backend, HostRows data);
  Feed feed(std::int64_t position) const;
  /// Takes other data of the same size and type in place of its own; false when it is not.
  bool replace(const HostRows& data);

  HostRows prepared;
  std::unique_ptr<DeviceData> x;
  std::unique_ptr<DeviceData> target;
};

}  // namespace minnow
