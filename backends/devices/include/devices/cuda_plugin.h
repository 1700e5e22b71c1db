#pragma once

#include <minnow/plugin.h>

#include <memory>
#include <optional>
#include <string>

namespace minnow {

/// libminnow_cuda.so: where MINNOW_PLUGIN_DIR says, beside the file that holds this library's code,
/// or in its ../lib. Empty: nowhere.
std::string find_cuda_plugin();
/// MN-L11: it is nowhere.
Failure no_cuda_plugin();

/// Loads a plugin into this process and opens a GPU with it. The ladder was climbed before, and
/// forked_after_cuda() asked.
/// @throws DeviceUnavailable.
std::shared_ptr<Backend> open_cuda_plugin(const std::string& path, const PluginOptions& options);

/// CUDA starts in this process now.
void note_cuda_start();
/// MN-P13 in a process that was forked from one that had opened a GPU.
std::optional<Failure> forked_after_cuda();

}  // namespace minnow
