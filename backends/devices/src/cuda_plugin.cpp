#include "devices/cuda_plugin.h"

#include <minnow/error.h>

#include <unistd.h>

#include <atomic>

#include "devices/plugin_search.h"
#include "machine/forked.h"
#include "machine/plugin_file.h"

namespace minnow {
namespace {

constexpr const char* kFile = "libminnow_cuda.so";

// The process that started CUDA; 0: none has.
std::atomic<pid_t> cuda_process = 0;

}  // namespace

std::string find_cuda_plugin() { return find_plugin(kFile); }

Failure no_cuda_plugin() {
  return {.code = "MN-L11",
          .what = "GPU not used: this installation of minnow has no CUDA backend.",
          .evidence = "looked for " + plugin_places(kFile),
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
