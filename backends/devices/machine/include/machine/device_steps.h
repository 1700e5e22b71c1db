#pragma once

#include <minnow/plugin.h>

#include <optional>
#include <string>

#include "machine/probe_report.h"

namespace minnow::machine {

struct PluginCheck {
  const Plugin* plugin = nullptr;  // null: it cannot be loaded
  bool usable = false;             // it opened a GPU
};

/// Opens every GPU that the plugin's CUDA runtime shows and closes it again. A GPU that the plugin
/// opens has run all of its checks and has loaded all of its kernels. Reports the topics plugin,
/// cudart and device, or driver when that one fails now. `path` is the plugin's file.
PluginCheck check_plugin(const std::string& path, const Reporter& report, bool driver_works);

/// MN-L05 when the plugin's file or that of its CUDA runtime is shorter than it has to be. A
/// process that must not crash asks before it loads them.
std::optional<Failure> damaged_plugin(const std::string& path);

}  // namespace minnow::machine
