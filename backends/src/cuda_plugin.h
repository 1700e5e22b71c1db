#pragma once

#include <minnow/plugin.h>

#include <memory>

namespace minnow {

/// Looks for an NVIDIA driver, then opens libminnow_cuda.so and a GPU with it. Nothing of CUDA is
/// opened without a driver. @throws DeviceUnavailable.
std::shared_ptr<Backend> open_cuda_plugin(const PluginOptions& options);

}  // namespace minnow
