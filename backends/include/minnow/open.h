#pragma once

/// Devices by name.
///
///     minnow::Device device = minnow::open("auto");
///     log(device.info().description);

#include <minnow/backend.h>
#include <minnow/export.h>

#include <string>
#include <string_view>
#include <vector>

namespace minnow {

struct OpenOptions {
  /// 0: as many as the process may use (affinity mask, cgroup limit). A program gets fewer when its
  /// step is too short to share.
  int threads = 0;
};

/// "cpu", or "auto": the best device that can be used. @throws InvalidArgument for a name that is
/// no device (lists the names), DeviceUnavailable for a device that cannot be used here.
MINNOW_API Device open(std::string_view name = "auto", const OpenOptions& options = {});

/// The names that open() takes in this build.
MINNOW_API std::vector<std::string> device_names();

}  // namespace minnow
