#pragma once

#include <minnow/plugin.h>

#include <string>

namespace minnow::machine {

/// Loads a plugin, for good: CUDA does not survive being closed.
/// @throws DeviceUnavailable when it cannot be loaded or is of another interface.
const Plugin& load_plugin(const std::string& path);

}  // namespace minnow::machine
