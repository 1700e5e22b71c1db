#include "machine/device_steps.h"

#include <minnow/base/text.h>
#include <minnow/error.h>
#include <minnow/memory_plan.h>

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "machine/damage.h"
#include "machine/driver_cause.h"
#include "machine/elf_file.h"
#include "machine/library_search.h"
#include "machine/plugin_file.h"

namespace minnow::machine {
namespace {

// The calls of the CUDA runtime that a report needs beside the plugin's own. This file is compiled
// without the toolkit too; the numbers are those of cudaDeviceAttr and do not change.
class Runtime {
 public:
  enum Attribute {
    kMultiprocessors = 16,
    kPciBus = 33,
    kPciDevice = 34,
    kEcc = 32,
    kPciDomain = 50,
    kMajor = 75,
    kMinor = 76,
  };

  // It was loaded with the plugin.
  explicit Runtime(const std::string& name)
      : library_(dlopen(name.c_str(), RTLD_LAZY | RTLD_NOLOAD)) {
    bind(version_, "cudaRuntimeGetVersion");
    bind(count_, "cudaGetDeviceCount");
    bind(attribute_, "cudaDeviceGetAttribute");
    bind(properties_, "cudaGetDeviceProperties_v2");
    if (properties_ == nullptr) bind(properties_, "cudaGetDeviceProperties");
  }

  int version() const {
    int version = 0;
    return version_ != nullptr && version_(&version) == 0 ? version : 0;
  }
  int count() const {
    int count = 0;
    return count_ != nullptr && count_(&count) == 0 ? count : -1;
  }
  int attribute(Attribute which, int ordinal) const {
    int value = 0;
    return attribute_ != nullptr && attribute_(&value, which, ordinal) == 0 ? value : 0;
  }
  std::string name(int ordinal) const {
    // cudaDeviceProp begins with `char name[256]` in every version, and has under 2 KiB.
    alignas(16) std::array<char, 8192> properties{};
    if (properties_ == nullptr || properties_(properties.data(), ordinal) != 0) return "";
    properties[255] = '\0';
    return properties.data();
  }
  std::string pci(int ordinal) const {
    char text[32];
    std::snprintf(text, sizeof text, "%04x:%02x:%02x.0",
                  static_cast<unsigned>(attribute(kPciDomain, ordinal)),
                  static_cast<unsigned>(attribute(kPciBus, ordinal)),
                  static_cast<unsigned>(attribute(kPciDevice, ordinal)));
    return text;
  }
  std::string path() const { return loaded_file(library_); }

 private:
  template <class F>
  void bind(F*& function, const char* name) {
    if (library_ != nullptr) function = reinterpret_cast<F*>(dlsym(library_, name));
  }

  void* library_;
  int (*version_)(int*) = nullptr;
  int (*count_)(int*) = nullptr;
  int (*attribute_)(int*, int, int) = nullptr;
  int (*properties_)(void*, int) = nullptr;
};

std::optional<Failure> open_once(const Plugin& plugin, int ordinal, DeviceFact& fact) {
  try {
    const auto backend = plugin.open({.ordinal = ordinal});
    const MemoryState memory = backend->memory();
    fact.memory_total = memory.total;
    fact.memory_free = memory.free;
    return std::nullopt;
  } catch (const Error& error) {
    return error.failure();
  }
}

bool check_device(const Plugin& plugin, const Runtime& runtime, int ordinal,
                  const Reporter& report) {
  ProbedDevice device;
  DeviceFact& fact = device.fact;
  fact.name = cat("cuda:", ordinal);
  fact.kind = "CUDA";
  report.step(cat("opening ", fact.name));
  fact.description = runtime.name(ordinal);
  fact.pci = runtime.pci(ordinal);
  fact.compute = cat("sm_", runtime.attribute(Runtime::kMajor, ordinal),
                     runtime.attribute(Runtime::kMinor, ordinal), ", ",
                     runtime.attribute(Runtime::kMultiprocessors, ordinal), " SM");
  device.failure = open_once(plugin, ordinal, fact);
  fact.usable = !device.failure;
  Finding finding{.topic = "device",
                  .verdict = fact.usable ? Verdict::good : Verdict::problem,
                  .text = cat(fact.name, " ", fact.description, ", ", fact.compute),
                  .failure = device.failure};
  if (device.failure) {
    fact.reason = device.failure->what;
  } else {
    finding.text +=
        cat(", ", format_bytes(fact.memory_free), " of ", format_bytes(fact.memory_total), " free");
  }
  if (runtime.attribute(Runtime::kEcc, ordinal) != 0) finding.text += ", ECC on";
  report.device(device);
  report.finding(finding);
  return fact.usable;
}

// Returns whether there is one that can be used.
bool check_devices(const Plugin& plugin, const Runtime& runtime, const Reporter& report) {
  report.topic("device");
  report.step("counting the GPUs");
  const int count = runtime.count();
  bool usable = false;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    usable |= check_device(plugin, runtime, ordinal, report);
  }
  if (count > 0) return usable;
  // The plugin says why.
  DeviceFact none;
  if (auto failure = open_once(plugin, 0, none)) {
    report.finding({.topic = "driver",
                    .verdict = Verdict::problem,
                    .text = failure->what,
                    .failure = failure});
  }
  return false;
}

void report_runtime(const Runtime& runtime, const Plugin& plugin, const Reporter& report) {
  const std::string version = cuda_version_text(runtime.version());
  const std::string path = runtime.path();
  report.topic("cudart");
  report.library({.name = "cudart",
                  .built_against = plugin.built_against("cudart"),
                  .found = version,
                  .path = path,
                  .problem = {}});
  report.finding({.topic = "cudart", .verdict = Verdict::good, .text = cat(version, " ", path)});
}

std::string runtime_of(const ElfFile& plugin) {
  const auto found =
      std::find_if(plugin.libraries.begin(), plugin.libraries.end(),
                   [](const std::string& name) { return name.starts_with("libcudart."); });
  return found == plugin.libraries.end() ? "" : *found;
}

std::string runtime_file(const std::string& plugin_path) {
  const ElfFile plugin = read_elf(plugin_path);
  const std::string name = runtime_of(plugin);
  return name.empty() ? "" : find_library(name, plugin.run_path);
}

}  // namespace

PluginCheck check_plugin(const std::string& path, const Reporter& report, bool driver_works) {
  report.topic("plugin");
  const std::string runtime_name = runtime_of(read_elf(path));
  // The runtime first and by itself: when it is what crashes, it is what is named.
  if (const std::string file = runtime_file(path); !file.empty()) {
    report.step("loading " + runtime_name, file);
    static_cast<void>(dlopen(file.c_str(), RTLD_NOW));
  }
  report.step("loading the CUDA backend", path);
  const Plugin* plugin = nullptr;
  std::optional<Failure> failure;
  try {
    plugin = &load_plugin(path);
    failure = damaged_plugin(path);
  } catch (const DeviceUnavailable& error) {
    failure = error.failure();
  }
  if (failure) {
    report.finding({.topic = "plugin",
                    .verdict = Verdict::problem,
                    .text = failure->what,
                    .failure = failure});
    return {};
  }
  report.finding({.topic = "plugin", .verdict = Verdict::good, .text = path});
  const Runtime runtime(runtime_name);
  report_runtime(runtime, *plugin, report);
  return {.plugin = plugin, .usable = driver_works && check_devices(*plugin, runtime, report)};
}

std::optional<Failure> damaged_plugin(const std::string& path) {
  if (auto failure = damage_by_size(path, "")) return failure;
  const std::string runtime = runtime_file(path);
  return runtime.empty() ? std::nullopt : damage_by_size(runtime, "");
}

}  // namespace minnow::machine
