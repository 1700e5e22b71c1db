#include "cuda_plugin.h"

#include <minnow/error.h>

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <vector>

#include "machine/files.h"
#include "machine/plugin_file.h"
#include "probe.h"
#include "text.h"

namespace minnow {
namespace {

constexpr const char* kFile = "libminnow_cuda.so";

// The process that started CUDA; 0: none has.
std::atomic<pid_t> cuda_process = 0;

std::vector<std::filesystem::path> candidates() {
  std::vector<std::filesystem::path> found;
  const std::string named = machine::setting("MINNOW_PLUGIN_DIR");
  if (!named.empty()) found.emplace_back(named);
  const std::filesystem::path folder = std::filesystem::path(own_file()).parent_path();
  found.push_back(folder);
  found.push_back(folder.parent_path() / "lib");
  for (auto& place : found) place /= kFile;
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
  return Failure{.code = "MN-P13",
                 .what = cat("minnow was forked after CUDA was initialised (parent pid ", started,
                             ", now ", getpid(), "); CUDA cannot work here."),
                 .evidence = {},
                 .remedy = "start the worker with exec/spawn or create the device after fork",
                 .effect = "nothing was opened"};
}

std::shared_ptr<Backend> open_cuda_plugin(const std::string& path, const PluginOptions& options) {
  const Plugin& plugin = machine::load_plugin(path);
  note_cuda_start();
  return plugin.open(options);
}

}  // namespace minnow
