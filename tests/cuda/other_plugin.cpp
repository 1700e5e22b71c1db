// A plugin that was built for another interface than this library's.

#include <minnow/plugin.h>

extern "C" MINNOW_PLUGIN_EXPORT const minnow::Plugin* minnow_plugin() {
  static const minnow::Plugin plugin{.abi = 99, .open = nullptr};
  return &plugin;
}
