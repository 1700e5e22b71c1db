#pragma once

/// What a backend in a library of its own exports: one C function that says which boundary it was
/// built for, before anything else is called.
///
///     extern "C" MINNOW_PLUGIN_EXPORT const minnow::Plugin* minnow_plugin() {
///       static const minnow::Plugin plugin{.abi = minnow::kPluginAbi, .open = open_device};
///       return &plugin;
///     }

#include <minnow/backend.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#define MINNOW_PLUGIN_EXPORT __attribute__((visibility("default")))

namespace minnow {

/// Raised by every change to backend.h, program.h, memory_plan.h, tensor.h, error.h or this file
/// that changes a layout or a virtual function.
inline constexpr std::uint32_t kPluginAbi = 3;

struct PluginOptions {
  int ordinal = 0;  // which device, counted from 0
  Precision precision = Precision::fp32;
  bool tune = false;
  std::int64_t memory_limit = 0;  // bytes; 0: none
  /// Optional libraries that another process has tried and found broken: not to be opened.
  std::vector<std::string> broken_libraries = {};
};

struct LibraryVersion {
  const char* library;  // "cudnn"
  const char* version;  // "9.19.0"
};

/// Plain data; `abi` stays the first member for ever.
struct Plugin {
  std::uint32_t abi;
  /// @throws DeviceUnavailable with the cause and a remedy.
  std::shared_ptr<Backend> (*open)(const PluginOptions& options);
  /// The libraries that it was compiled with.
  std::span<const LibraryVersion> built = {};

  /// Of one of them; empty: it was compiled without it.
  std::string built_against(std::string_view library) const {
    for (const LibraryVersion& known : built) {
      if (known.library == library) return known.version;
    }
    return "";
  }
};

using PluginEntry = const Plugin* (*)();
inline constexpr const char* kPluginEntry = "minnow_plugin";

}  // namespace minnow
