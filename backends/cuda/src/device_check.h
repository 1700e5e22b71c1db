#pragma once

#include <minnow/plugin.h>

#include <cstdint>
#include <string>

namespace minnow::cuda {

struct Found {
  std::string name;         // "NVIDIA H100 80GB HBM3"
  std::string description;  // with memory and versions
  int capability = 0;       // 90: compute capability 9.0
};

/// Walks from the driver to a device that runs minnow's kernels, and makes it the thread's current
/// one. @throws DeviceUnavailable with the first thing that is wrong and its remedy.
Found find_device(const PluginOptions& options);

}  // namespace minnow::cuda
