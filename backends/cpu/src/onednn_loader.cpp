#include "onednn_loader.h"

#include <minnow/base/environment.h>
#include <minnow/base/text.h>
#include <minnow/error.h>

#include <dlfcn.h>

#include <string>

#include "amx.h"
#include "devices/plugin_search.h"
#include "machine/library_search.h"

namespace minnow::cpu {
namespace {

constexpr const char* kFile = "libminnow_onednn.so";
constexpr EnvironmentName kSetting = "MINNOW_CPU_BF16";
constexpr const char* kNothing = "nothing was opened";

void require_amx() {
  const std::string wanted = setting(kSetting);
  if (wanted == "any") return;
  if (!wanted.empty()) {
    throw InvalidArgument({.code = "MN-U01",
                           .what = cat("\"", wanted, "\" is no setting of ", kSetting.name(), "."),
                           .remedy = "set it to any, or unset it",
                           .effect = kNothing});
  }
  std::string missing = missing_for_amx();
  if (missing.empty()) return;
  throw DeviceUnavailable(
      {.code = "MN-D21",
       .what = "the CPU cannot compute in bf16: that needs AMX, and it cannot be used here.",
       .evidence = std::move(missing),
       .remedy = cat("ask for fp32, or for a GPU",
                     has_avx512_bf16()
                         ? "; MINNOW_CPU_BF16=any takes AVX512-BF16 instead, which gains less"
                         : ""),
       .effect = kNothing});
}

[[noreturn]] void no_part(std::string what, std::string evidence, std::string remedy) {
  throw DeviceUnavailable({.code = "MN-L12",
                           .what = cat("the CPU cannot compute in bf16: ", what, "."),
                           .evidence = std::move(evidence),
                           .remedy = std::move(remedy),
                           .effect = kNothing});
}

}  // namespace

const OnednnPlugin& load_onednn_plugin() {
  require_amx();
  const std::string path = find_plugin(kFile);
  if (path.empty()) {
    no_part(cat("this installation of minnow has no ", kFile),
            cat("looked for ", plugin_places(kFile)),
            "apt-get install libdnnl-dev and build minnow again, or set MINNOW_PLUGIN_DIR");
  }
  // For good: oneDNN's code may still be known to threads that have used it.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    no_part(cat(kFile, " cannot be loaded"), machine::loader_text(path, dlerror()),
            "apt-get install libdnnl-dev");
  }
  const auto entry = reinterpret_cast<OnednnEntry>(dlsym(library, kOnednnEntry));
  const std::uint32_t abi = entry == nullptr ? 0 : entry()->abi;
  if (abi != kOnednnAbi) {
    throw DeviceUnavailable(
        {.code = "MN-L13",
         .what =
             cat("the CPU cannot compute in bf16: ", kFile, " is of another version of minnow."),
         .evidence = cat(path, " has interface ", abi, ", this library needs ", kOnednnAbi),
         .remedy = "install libminnow and libminnow_onednn of one build",
         .effect = kNothing});
  }
  const OnednnPlugin& plugin = *entry();
  std::int64_t bytes = 0;
  const OnednnAnswer answer = plugin.workspace_bytes({.rows = 32, .depth = 32}, &bytes);
  if (answer.call == nullptr) return plugin;
  throw DeviceUnavailable(
      {.code = "MN-D21",
       .what = "the CPU cannot compute in bf16: oneDNN has no product for it here.",
       .evidence = cat("oneDNN ", plugin.version(), ": ", answer.call, " answered ", answer.status),
       .remedy = "ask for fp32, or for a GPU",
       .effect = kNothing});
}

}  // namespace minnow::cpu
