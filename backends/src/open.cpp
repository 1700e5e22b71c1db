#include <minnow/open.h>

#include <minnow/error.h>

#include "cpu_backend.h"
#include "text.h"

namespace minnow {
namespace {

struct Entry {
  std::string_view name;
  std::shared_ptr<Backend> (*open)(const OpenOptions& options);
};

std::shared_ptr<Backend> open_cpu(const OpenOptions& options) {
  return std::make_shared<cpu::CpuBackend>(options.threads);
}

// An explicit table: registrations by static objects vanish from static libraries. "auto" takes the
// first entry that opens.
constexpr Entry kDevices[] = {{"cpu", open_cpu}};

}  // namespace

std::vector<std::string> device_names() {
  std::vector<std::string> names{"auto"};
  for (const Entry& entry : kDevices) names.emplace_back(entry.name);
  return names;
}

Device open(std::string_view name, const OpenOptions& options) {
  if (options.threads < 0) {
    throw InvalidArgument(
        {.code = "MN-U01",
         .what = cat("a device with ", options.threads, " threads cannot be opened."),
         .evidence = {},
         .remedy = "give 1 or more, or 0 for as many as the process may use",
         .effect = {}});
  }
  if (name == "auto") return Device(kDevices[0].open(options));
  for (const Entry& entry : kDevices) {
    if (entry.name == name) return Device(entry.open(options));
  }
  if (name.starts_with("cuda")) {
    throw DeviceUnavailable({.code = "MN-L11",
                             .what = "GPU not used: this build of minnow has no CUDA backend.",
                             .evidence = cat("device \"", name, "\" was asked for"),
                             .remedy = "ask for \"auto\" or \"cpu\"",
                             .effect = "nothing was opened"});
  }
  std::string known;
  for (const std::string& entry : device_names()) known += (known.empty() ? "" : ", ") + entry;
  throw InvalidArgument({.code = "MN-U01",
                         .what = cat("\"", name, "\" is no device."),
                         .evidence = "this build has " + known,
                         .remedy = {},
                         .effect = {}});
}

}  // namespace minnow
