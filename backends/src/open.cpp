#include <minnow/open.h>

#include <minnow/base/environment.h>
#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <charconv>

#include "cpu/open_cpu.h"
#include "devices/cuda_plugin.h"
#include "devices/ladder.h"

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

std::shared_ptr<Backend> open_gpu(const Ladder& ladder, const Request& request) {
  if (auto forked = forked_after_cuda()) throw DeviceUnavailable(*std::move(forked));
  if (const Failure* refusal = ladder.refusal(request.ordinal)) throw DeviceUnavailable(*refusal);
  return open_cuda_plugin(ladder.plugin, {.ordinal = request.ordinal,
                                          .precision = request.options.precision,
                                          .tune = request.options.tune,
                                          .memory_limit = request.options.memory_limit,
                                          .broken_libraries = ladder.broken_libraries});
}

std::shared_ptr<Backend> open_cuda(const Request& request) {
  return open_gpu(*find_gpus(Search::to_first_cause), request);
}

std::shared_ptr<Backend> open_cpu(const Request& request) { return cpu::open_cpu(request.options); }

// An explicit table: registrations by static objects vanish from static libraries.
constexpr Entry kDevices[] = {{"cuda", open_cuda, true}, {"cpu", open_cpu, false}};

// The first GPU that opens, else the CPU. Where a GPU fails later, the CPU goes on in fp32, which
// every CPU has, without the GPU's limit, and on all processors that were granted.
Device open_first(Request request) {
  std::optional<Skipped> skipped;
  const auto note = [&](const Error& error) {
    if (!skipped) skipped = Skipped{.failure = error.failure(), .notable = true};
  };
  const auto ladder = find_gpus(Search::to_first_cause);
  const int count = std::max(1, static_cast<int>(ladder->probe.devices.size()));
  for (request.ordinal = 0; request.ordinal < count; ++request.ordinal) {
    try {
      Device device(open_gpu(*ladder, request));
      if (skipped) skipped->failure.effect = cat("running on ", device.info().name);
      const auto go_on_with = [threads = request.options.threads] {
        return Device(cpu::open_cpu({.threads = threads}));
      };
      return device.with_request("auto", skipped, go_on_with);
    } catch (const DeviceUnavailable& error) {
      note(error);
    } catch (const DeviceError& error) {
      note(error);
    } catch (const ResourceExhausted& error) {
      note(error);
    }
  }
  if (!ladder->hardware) {
    skipped->notable = false;
    skipped->failure.what = "no NVIDIA hardware found.";
    skipped->failure.remedy.clear();
  }
  skipped->failure.effect = "running on the CPU";
  return Device(open_cpu(request)).with_request("auto", skipped, {});
}

[[noreturn]] void no_device(std::string_view name, std::string_view origin) {
  std::string known;
  for (const std::string& entry : device_names()) known += (known.empty() ? "" : ", ") + entry;
  throw InvalidArgument({.code = "MN-U01",
                         .what = cat(origin, "\"", name, "\" is no device."),
                         .evidence = "there are " + known + "; cuda:1 is the second GPU"});
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
         .remedy = "give 1 or more, or 0 for as many as the process may use"});
  }
  constexpr EnvironmentName kVariable = "MINNOW_DEVICE";
  const std::string preferred = name == "auto" ? setting(kVariable) : "";
  const bool by_variable = !preferred.empty();
  if (by_variable) name = preferred;
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
  no_device(name, by_variable ? cat(kVariable.name(), "=") : "");
}

}  // namespace minnow
