#include "machine/plugin_file.h"

#include <minnow/base/text.h>
#include <minnow/error.h>

#include <dlfcn.h>

#include "machine/damage.h"
#include "machine/library_search.h"

namespace minnow::machine {
namespace {

constexpr const char* kNothing = "nothing was opened";

}  // namespace

const Plugin& load_plugin(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const std::string error = dlerror();
    if (auto damage = damage_by_loader(path, error)) {
      damage->effect = kNothing;
      throw DeviceUnavailable(*std::move(damage));
    }
    throw DeviceUnavailable(
        {.code = "MN-L01",
         .what = "GPU not used: the CUDA backend cannot be loaded.",
         .evidence = loader_text(path, error),
         .remedy = "install the CUDA runtime that it names, or put its folder into LD_LIBRARY_PATH",
         .effect = kNothing});
  }
  const auto entry = reinterpret_cast<PluginEntry>(dlsym(library, kPluginEntry));
  const std::uint32_t abi = entry == nullptr ? 0 : entry()->abi;
  if (abi == kPluginAbi) return *entry();
  throw DeviceUnavailable(
      {.code = "MN-L10",
       .what = "GPU not used: the CUDA backend is of another version of minnow.",
       .evidence = cat(path, " has interface ", abi, ", this library needs ", kPluginAbi),
       .remedy = "install libminnow and libminnow_cuda of one build",
       .effect = kNothing});
}

}  // namespace minnow::machine
