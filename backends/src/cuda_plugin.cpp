#include "cuda_plugin.h"

#include <minnow/error.h>

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "text.h"

namespace minnow {
namespace {

constexpr const char* kFile = "libminnow_cuda.so";

[[noreturn]] void unavailable(Failure failure) {
  failure.effect = "nothing was opened";
  throw DeviceUnavailable(std::move(failure));
}

// 0.1 ms where there is none; the CUDA runtime would say "driver version is insufficient" later.
void require_driver() {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver != nullptr) {
    dlclose(driver);
    return;
  }
  unavailable({.code = "MN-D01",
               .what = "GPU not used: no NVIDIA driver is installed.",
               .evidence = cat("dlopen: ", dlerror()),
               .remedy = "install the NVIDIA driver, or ask for \"auto\" or \"cpu\"",
               .effect = {}});
}

/// Where the plugin may be: where the environment says, beside the file that holds this function
/// (libminnow.so, or a program that libminnow.a was linked into), and in its ../lib.
std::vector<std::filesystem::path> candidates() {
  std::vector<std::filesystem::path> found;
  if (const char* folder = std::getenv("MINNOW_PLUGIN_DIR")) found.emplace_back(folder);
  Dl_info self{};
  if (dladdr(reinterpret_cast<const void*>(&open_cuda_plugin), &self) != 0 &&
      self.dli_fname != nullptr) {
    std::error_code ignored;
    const auto file = std::filesystem::canonical(self.dli_fname, ignored);
    found.push_back(file.parent_path());
    found.push_back(file.parent_path().parent_path() / "lib");
  }
  for (auto& folder : found) folder /= kFile;
  return found;
}

const Plugin& load() {
  std::string looked;
  for (const auto& path : candidates()) {
    looked += (looked.empty() ? "" : ", ") + path.string();
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) continue;
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      unavailable({.code = "MN-L01",
                   .what = "GPU not used: the CUDA backend cannot be loaded.",
                   .evidence = cat("dlopen: ", dlerror()),
                   .remedy = "install the CUDA runtime that it names, or put its folder into "
                             "LD_LIBRARY_PATH",
                   .effect = {}});
    }
    const auto entry = reinterpret_cast<PluginEntry>(dlsym(library, kPluginEntry));
    const std::uint32_t abi = entry == nullptr ? 0 : entry()->abi;
    if (abi != kPluginAbi) {
      unavailable({.code = "MN-L10",
                   .what = "GPU not used: the CUDA backend is of another version of minnow.",
                   .evidence = cat(path.string(), " has interface ", abi, ", this library needs ",
                                   kPluginAbi),
                   .remedy = "install libminnow and libminnow_cuda of one build",
                   .effect = {}});
    }
    // Never closed: CUDA does not survive it.
    return *entry();
  }
  unavailable({.code = "MN-L11",
               .what = "GPU not used: this installation of minnow has no CUDA backend.",
               .evidence = "looked for " + looked,
               .remedy = "build minnow where the CUDA toolkit is, or set MINNOW_PLUGIN_DIR",
               .effect = {}});
}

}  // namespace

std::shared_ptr<Backend> open_cuda_plugin(const PluginOptions& options) {
  static std::mutex mutex;
  static const Plugin* plugin = nullptr;
  {
    const std::lock_guard lock(mutex);
    if (plugin == nullptr) {
      require_driver();
      plugin = &load();
    }
  }
  return plugin->open(options);
}

}  // namespace minnow
