#include <minnow/plugin.h>

#include "cuda_backend.h"

namespace {

std::shared_ptr<minnow::Backend> open_device(const minnow::PluginOptions& options) {
  return std::make_shared<minnow::cuda::CudaBackend>(options);
}

}  // namespace

extern "C" MINNOW_PLUGIN_EXPORT const minnow::Plugin* minnow_plugin() {
  static const minnow::Plugin plugin{.abi = minnow::kPluginAbi, .open = open_device};
  return &plugin;
}
