// A plugin that was built against libraries of the future, and opens nothing.

#include <minnow/error.h>
#include <minnow/plugin.h>

namespace {

std::shared_ptr<minnow::Backend> open_device(const minnow::PluginOptions&) {
  throw minnow::DeviceUnavailable({.code = "MN-D07", .what = "GPU not used: for a test."});
}

}  // namespace

extern "C" MINNOW_PLUGIN_EXPORT const minnow::Plugin* minnow_plugin() {
  static const minnow::LibraryVersion libraries[] = {
      {"cudart", "99.0"}, {"cublasLt", "99.1.0"}, {"cudnn", "99.1.0"}};
  static const minnow::Plugin plugin{
      .abi = minnow::kPluginAbi, .open = open_device, .built = libraries};
  return &plugin;
}
