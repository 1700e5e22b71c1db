#include <minnow/open.h>

#include <minnow/error.h>

#include <charconv>

#include "cpu_backend.h"
#include "cuda_plugin.h"
#include "text.h"

namespace minnow {
namespace {

struct Request {
  int ordinal = 0;
  OpenOptions options;
};

struct Entry {
  std::string_view name;
  std::shared_ptr<Backend> (*open)(const Request& request);
  bool numbered;  // "cuda:1"
};

std::shared_ptr<Backend> open_cuda(const Request& request) {
  return open_cuda_plugin({.ordinal = request.ordinal,
                           .precision = request.options.precision,
                           .tune = request.options.tune,
                           .memory_limit = request.options.memory_limit});
}

std::shared_ptr<Backend> open_cpu(const Request& request) {
  const OpenOptions& options = request.options;
  if (options.precision != Precision::fp32) {
    throw InvalidArgument(
        {.code = "MN-U01",
         .what = cat("the CPU cannot compute in ", name_of(options.precision), "."),
         .evidence = "it computes in fp32",
         .remedy = "ask for fp32, or for a GPU",
         .effect = {}});
  }
  return std::make_shared<cpu::CpuBackend>(options.threads, options.memory_limit);
}

// An explicit table: registrations by static objects vanish from static libraries. "auto" takes the
// first entry that opens.
constexpr Entry kDevices[] = {{"cuda", open_cuda, true}, {"cpu", open_cpu, false}};

// The CPU has fp32 alone, no GPU's limit, and the processors.
Device open_last(const Request& request) {
  Request cpu;
  cpu.options.threads = request.options.threads;
  return Device(std::end(kDevices)[-1].open(cpu));
}

Device open_first(const Request& request) {
  std::optional<Skipped> skipped;
  const Entry* entry = std::begin(kDevices);
  for (; entry + 1 != std::end(kDevices); ++entry) {
    try {
      Device device(entry->open(request));
      return device.with_request("auto", skipped, [request] { return open_last(request); });
    } catch (const DeviceUnavailable& error) {
      skipped = Skipped{.failure = {.code = error.code(),
                                    .what = error.cause(),
                                    .evidence = error.evidence(),
                                    .remedy = error.remedy(),
                                    .effect = "running on the CPU"},
                        .notable = true};
    }
  }
  return Device(entry->open(request)).with_request("auto", skipped, {});
}

[[noreturn]] void no_device(std::string_view name) {
  std::string known;
  for (const std::string& entry : device_names()) known += (known.empty() ? "" : ", ") + entry;
  throw InvalidArgument({.code = "MN-U01",
                         .what = cat("\"", name, "\" is no device."),
                         .evidence = "there are " + known + "; cuda:1 is the second GPU",
                         .remedy = {},
                         .effect = {}});
}

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
  Request request{.ordinal = 0, .options = options};
  if (name == "auto") return open_first(request);
  for (const Entry& entry : kDevices) {
    if (!name.starts_with(entry.name)) continue;
    const std::string_view rest = name.substr(entry.name.size());
    if (rest.empty()) return Device(entry.open(request));
    if (!entry.numbered || rest.size() < 2 || rest.front() != ':') continue;
    const auto [end, error] =
        std::from_chars(rest.data() + 1, rest.data() + rest.size(), request.ordinal);
    if (error != std::errc{} || end != rest.data() + rest.size() || request.ordinal < 0) continue;
    return Device(entry.open(request));
  }
  no_device(name);
}

}  // namespace minnow
