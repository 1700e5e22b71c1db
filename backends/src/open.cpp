#include <minnow/open.h>

#include <minnow/base/environment.h>
#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <charconv>

#include "cpu_backend.h"
#include "cuda_plugin.h"
#include "ladder.h"
#include "onednn_part.h"

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
                                          .use_cudnn = ladder.use_cudnn});
}

std::shared_ptr<Backend> open_cuda(const Request& request) {
  return open_gpu(*climb(false), request);
}

std::shared_ptr<Backend> open_cpu(const Request& request) {
  const OpenOptions& options = request.options;
  if (options.precision == Precision::tf32) {
    throw InvalidArgument({.code = "MN-U01",
                           .what = "the CPU cannot compute in tf32.",
                           .evidence = "it computes in fp32 and, with AMX, in bf16",
                           .remedy = "ask for fp32, or for a GPU"});
  }
  const OnednnPlugin* onednn =
      options.precision == Precision::bf16 ? &cpu::load_onednn_plugin() : nullptr;
  return std::make_shared<cpu::CpuBackend>(options.threads, options.memory_limit, onednn);
}

// An explicit table: registrations by static objects vanish from static libraries. The last entry
// always opens.
constexpr Entry kDevices[] = {{"cuda", open_cuda, true}, {"cpu", open_cpu, false}};

// In fp32, which every CPU has; without a GPU's limit, and on all processors that were granted.
Device open_last(const Request& request) {
  Request cpu;
  cpu.options.threads = request.options.threads;
  return Device(std::end(kDevices)[-1].open(cpu));
}

// The first GPU that opens, else the CPU.
Device open_first(Request request) {
  std::optional<Skipped> skipped;
  const auto note = [&](const Error& error) {
    if (!skipped) skipped = Skipped{.failure = error.failure(), .notable = true};
  };
  const auto ladder = climb(false);
  const int count = std::max(1, static_cast<int>(ladder->probe.devices.size()));
  for (request.ordinal = 0; request.ordinal < count; ++request.ordinal) {
    try {
      Device device(open_gpu(*ladder, request));
      if (skipped) skipped->failure.effect = cat("running on ", device.info().name);
      return device.with_request("auto", skipped, [request] { return open_last(request); });
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
  return Device(std::end(kDevices)[-1].open(request)).with_request("auto", skipped, {});
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
