#include <minnow/device_report.h>

#include <minnow/base/environment.h>
#include <minnow/base/files.h>
#include <minnow/base/text.h>
#include <minnow/error.h>
#include <minnow/open.h>

#include <algorithm>
#include <utility>

#include "devices/cuda_plugin.h"
#include "devices/ladder.h"
#include "machine/driver_cause.h"
#include "machine/visible.h"

namespace minnow {
namespace {

std::string compiler_text() {
#ifdef __clang__
  return cat("clang++ ", __clang_major__, ".", __clang_minor__, ".", __clang_patchlevel__);
#else
  return cat("g++ ", __GNUC__, ".", __GNUC_MINOR__, ".", __GNUC_PATCHLEVEL__);
#endif
}

std::string processor_model() {
  constexpr std::string_view kKey = "model name";
  const std::string text = read_system_file(rooted("/proc/cpuinfo"));
  const std::size_t at = text.find(kKey);
  if (at == std::string::npos) return "";
  const std::size_t colon = text.find(": ", at);
  return colon == std::string::npos ? ""
                                    : text.substr(colon + 2, text.find('\n', colon) - colon - 2);
}

void report_cpu(DeviceReport& report) {
  DeviceFact fact;
  fact.name = "cpu";
  fact.kind = "CPU";
  fact.description = processor_model();
  Finding finding{.topic = "CPU", .verdict = Verdict::good, .text = fact.description};
  try {
    const Device cpu = open("cpu");
    // "x86-64-v4, 2 threads"
    const std::string& kernels = cpu.info().description;
    const std::size_t comma = kernels.find(", ");
    fact.compute = kernels.substr(0, comma);
    if (comma != std::string::npos) fact.description += kernels.substr(comma);
    const MemoryState memory = cpu.memory();
    fact.memory_total = memory.total;
    fact.memory_free = memory.free;
    fact.usable = true;
    finding.text += cat(finding.text.empty() ? "" : ", ", kernels);
  } catch (const Error& error) {
    fact.reason = error.cause();
    finding.verdict = Verdict::problem;
    finding.text = error.cause();
    finding.failure = error.failure();
  }
  report.findings.push_back(std::move(finding));
  report.devices.push_back(std::move(fact));
}

Finding hardware_finding(const Ladder& ladder) {
  const machine::Evidence& evidence = ladder.evidence;
  Finding finding{.topic = "hardware", .verdict = Verdict::good, .text = {}};
  for (const machine::ModuleGpu& gpu : evidence.gpus) {
    finding.text += cat(finding.text.empty() ? "" : ", ",
                        gpu.model.empty() ? "NVIDIA GPU" : gpu.model, " (PCI ", gpu.address, ")");
  }
  if (finding.text.empty() && evidence.hardware()) finding.text = evidence.hardware_text();
  if (finding.text.empty()) {
    finding.verdict = Verdict::skipped;
    finding.text = ladder.hardware ? "no NVIDIA hardware seen, but a driver of it"
                                   : "no NVIDIA hardware found";
  }
  if (!evidence.container.empty() && evidence.hardware()) {
    finding.text += cat("; in a container: ", evidence.container);
  }
  if (evidence.visible_devices && evidence.gpu_count() > 0) {
    const auto visible =
        machine::visible_devices(*evidence.visible_devices, evidence.gpus, evidence.gpu_count());
    if (visible.invalid > 0 && visible.shown > 0) {
      finding.verdict = Verdict::note;
      finding.text += cat("; CUDA_VISIBLE_DEVICES=\"", *evidence.visible_devices, "\" shows ",
                          visible.shown, " of ", evidence.gpu_count(), ": entry ", visible.invalid,
                          " (\"", visible.entry, "\") is the first invalid one");
    }
  }
  return finding;
}

Finding driver_finding(const Ladder& ladder, const DeviceReport& report) {
  Finding finding{.topic = "driver", .verdict = Verdict::skipped, .text = {}};
  if (!ladder.hardware) {
    finding.text = "not needed";
    return finding;
  }
  if (const Finding* said = ladder.probe.finding("driver")) return *said;
  if (ladder.failure && ladder.probe.findings.empty() && ladder.failure->code != "MN-L11") {
    return {.topic = "driver",
            .verdict = Verdict::problem,
            .text = ladder.failure->what,
            .failure = ladder.failure};
  }
  finding.verdict = Verdict::good;
  finding.text = report.driver.empty() ? "found" : report.driver;
  if (!report.driver_cuda.empty()) finding.text += cat(" (CUDA ", report.driver_cuda, ")");
  if (!report.kernel_module.empty()) {
    finding.text += cat(", kernel module ", report.kernel_module);
  }
  return finding;
}

/// The libraries as they would be looked for: what this build wants of them.
const std::vector<LibraryFact>& wanted_libraries() {
  static const std::vector<LibraryFact> libraries = [] {
    std::vector<LibraryFact> all;
    for (const auto& [name, version] :
         {std::pair{"cudart", MINNOW_BUILT_CUDART}, std::pair{"cublasLt", MINNOW_BUILT_CUBLASLT},
          std::pair{"cudnn", MINNOW_BUILT_CUDNN}}) {
      if (*version == '\0') continue;
      LibraryFact fact;
      fact.name = name;
      fact.built_against = version;
      all.push_back(std::move(fact));
    }
    return all;
  }();
  return libraries;
}

std::string built_for(std::string_view topic) {
  for (const LibraryFact& library : wanted_libraries()) {
    if (library.name == topic) return cat("; built against ", library.built_against);
  }
  return "";
}

void report_rungs(const Ladder& ladder, DeviceReport& report) {
  report.findings.push_back(hardware_finding(ladder));
  report.findings.push_back(driver_finding(ladder, report));
  std::string failed = report.findings.back().verdict == Verdict::problem ? "driver" : "";
  if (!ladder.without_probe.empty()) {
    report.findings.push_back(
        {.topic = "driver",
         .verdict = Verdict::note,
         .text = ladder.without_probe + "; the libraries are tried inside this process"});
  }
  for (const char* topic : {"plugin", "cudart", "cublasLt", "cudnn", "device"}) {
    const auto before = report.findings.size();
    for (const Finding& finding : ladder.probe.findings) {
      if (finding.topic != topic) continue;
      report.findings.push_back(finding);
      if (finding.verdict == Verdict::problem && failed.empty()) failed = topic;
    }
    if (report.findings.size() > before) continue;
    if (ladder.hardware && std::string_view(topic) == "plugin" && ladder.plugin.empty()) {
      const Failure failure = no_cuda_plugin();
      report.findings.push_back(
          {.topic = topic, .verdict = Verdict::problem, .text = failure.what, .failure = failure});
      if (failed.empty()) failed = topic;
      continue;
    }
    report.findings.push_back(
        {.topic = topic,
         .verdict = Verdict::skipped,
         .text = cat("not tried", failed.empty() ? "" : cat(" (", failed, " check failed)"),
                     built_for(topic))});
  }
}

std::string choice(const Ladder& ladder) {
  const std::string preferred = setting("MINNOW_DEVICE");
  if (!preferred.empty() && preferred != "auto") return preferred;
  if (ladder.failure || forked_after_cuda()) return "cpu";
  for (const machine::ProbedDevice& device : ladder.probe.devices) {
    if (!device.failure) return device.fact.name;
  }
  return "cpu";
}

}  // namespace

DeviceReport report_devices() {
  const auto ladder = find_gpus(Search::everything);
  DeviceReport report;
  report.version = MINNOW_VERSION;
  report.compiler = compiler_text();
  const std::string& library = ladder->probe.driver_library;
  if (!library.empty()) report.driver = machine::driver_version(library, ladder->evidence);
  report.kernel_module = ladder->evidence.kernel_module;
  report.driver_cuda = ladder->probe.driver_cuda;
  report_cpu(report);
  report_rungs(*ladder, report);
  report.libraries = ladder->probe.libraries;
  for (const LibraryFact& wanted : wanted_libraries()) {
    const auto known = [&](const LibraryFact& found) { return found.name == wanted.name; };
    if (std::none_of(report.libraries.begin(), report.libraries.end(), known)) {
      report.libraries.push_back(wanted);
    }
  }
  for (const machine::ProbedDevice& device : ladder->probe.devices) {
    report.devices.push_back(device.fact);
  }
  report.auto_device = choice(*ladder);
  report.probe_milliseconds = ladder->probe_milliseconds;
  return report;
}

}  // namespace minnow
