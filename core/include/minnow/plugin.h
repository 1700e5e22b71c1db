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

#define MINNOW_PLUGIN_EXPORT __attribute__((visibility("default")))

namespace minnow {

/// Raised by every change to backend.h, program.h, memory_plan.h, tensor.h or error.h that changes
/// a layout or a virtual function.
inline constexpr std::uint32_t kPluginAbi = 3;

struct PluginOptions {
  int ordinal = 0;  // which device, counted from 0
  Precision precision = Precision::fp32;
  bool tune = false;
  std::int64_t memory_limit = 0;  // bytes; 0: none
  bool use_cudnn = true;          // false: it was tried in another process, and is not whole
};

/// What a plugin was compiled with; empty: without it.
struct PluginBuild {
  const char* cudart = "";
  const char* cublaslt = "";
  const char* cudnn = "";
  const char* code = "";  // "7.5 8.0 9.0": the compute capabilities that it has code for
};

/// Plain data; `abi` stays the first member for ever.
struct Plugin {
  std::uint32_t abi;
  /// @throws DeviceUnavailable with the cause and a remedy.
  std::shared_ptr<Backend> (*open)(const PluginOptions& options);
  PluginBuild built = {};
};

using PluginEntry = const Plugin* (*)();
inline constexpr const char* kPluginEntry = "minnow_plugin";

}  // namespace minnow
