#include "cuda_plugin.h"

#include <minnow/error.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <vector>

#include "machine/files.h"
#include "machine/forked.h"
#include "machine/plugin_file.h"
#include "probe.h"
#include "text.h"

namespace minnow {
namespace {

constexpr const char* kFile = "libminnow_cuda.so";

// The process that started CUDA; 0: none has.
std::atomic<pid_t> cuda_process = 0;

// Beside the library; for a program that holds it, in the folder of libraries next to its own, as
// they are installed.
std::vector<std::filesystem::path> candidates() {
  std::vector<std::filesystem::path> found;
  const std::string named = machine::setting("MINNOW_PLUGIN_DIR");
  if (!named.empty()) found.push_back(std::filesystem::path(named) / kFile);
  const std::filesystem::path folder = std::filesystem::path(own_file()).parent_path();
  for (const auto& place : {folder, folder / MINNOW_PLUGIN_FOLDER, folder / "../lib"}) {
    const auto file = (place / kFile).lexically_normal();
    if (std::find(found.begin(), found.end(), file) == found.end()) found.push_back(file);
  }
  return found;
}

}  // namespace

std::string find_cuda_plugin() {
  for (const auto& path : candidates()) {
    if (machine::exists(path)) return path;
  }
  return "";
}

Failure no_cuda_plugin() {
  std::string looked;
  for (const auto& path : candidates()) looked += (looked.empty() ? "" : ", ") + path.string();
  return {.code = "MN-L11",
          .what = "GPU not used: this installation of minnow has no CUDA backend.",
          .evidence = "looked for " + looked,
          .remedy = "build minnow where the CUDA toolkit is, or set MINNOW_PLUGIN_DIR",
          .effect = "nothing was opened"};
}

void note_cuda_start() { cuda_process = getpid(); }

std::optional<Failure> forked_after_cuda() {
  const pid_t started = cuda_process;
  if (started == 0 || started == getpid()) return std::nullopt;
  return machine::forked_failure(started);
}

std::shared_ptr<Backend> open_cuda_plugin(const std::string& path, const PluginOptions& options) {
  const Plugin& plugin = machine::load_plugin(path);
  note_cuda_start();
  return plugin.open(options);
}

}  // namespace minnow
