#include "devices/ladder.h"

#include <minnow/base/environment.h>
#include <minnow/base/text.h>

#include <dlfcn.h>

#include <algorithm>
#include <mutex>

#include "devices/cuda_plugin.h"
#include "machine/device_steps.h"
#include "machine/driver_cause.h"
#include "machine/library_search.h"
#include "probe_client.h"

namespace minnow {
namespace {

constexpr const char* kDriver = "libcuda.so.1";

// What the loader says of the driver's library; empty: there is one. It is looked for as a file,
// because to load a damaged one can end the process; the loader is asked only when there is none.
std::string missing_driver() {
  if (!machine::find_library(kDriver).empty()) return "";
  void* driver = dlopen(kDriver, RTLD_LAZY | RTLD_LOCAL);
  if (driver == nullptr) return machine::loader_text(kDriver, dlerror());
  dlclose(driver);
  return "";
}

void add_problem(machine::ProbeReport& report, std::string topic, const Failure& failure) {
  report.findings.push_back({.topic = std::move(topic),
                             .verdict = Verdict::problem,
                             .text = failure.what,
                             .failure = failure});
}

// Without the other process only the plugin is tried: its files are looked at first, and cuDNN,
// which may end the process, is left alone.
void try_here(Ladder& ladder) {
  if (auto damage = machine::damaged_plugin(ladder.plugin)) {
    add_problem(ladder.probe, "plugin", *damage);
    return;
  }
  if (auto forked = forked_after_cuda()) {
    add_problem(ladder.probe, "driver", *forked);
    return;
  }
  note_cuda_start();
  ladder.probe.started = true;
  const machine::Reporter report(
      [&ladder](std::string_view key, std::string_view value) { ladder.probe.apply(key, value); });
  machine::check_plugin(ladder.plugin, report, true);
}

void take_in_death(const Failure& failure, Ladder& ladder) {
  const std::string topic = ladder.probe.topic.empty() ? "driver" : ladder.probe.topic;
  add_problem(ladder.probe, topic, failure);
  Finding& finding = ladder.probe.findings.back();
  finding.failure->effect = "nothing was opened";
  if (topic != "cudnn") return;
  // cuDNN is optional.
  finding.verdict = Verdict::note;
  finding.failure->effect = "minnow's own kernels are used";
}

void judge(Ladder& ladder) {
  const machine::ProbeReport& probe = ladder.probe;
  for (const char* topic : {"driver", "plugin", "cublasLt"}) {
    const Finding* finding = probe.finding(topic);
    if (!ladder.failure && finding != nullptr && finding->verdict == Verdict::problem) {
      ladder.failure = finding->failure;
    }
  }
  const bool any_usable = std::any_of(probe.devices.begin(), probe.devices.end(),
                                      [](const auto& device) { return !device.failure; });
  if (!ladder.failure && !any_usable) {
    const Finding* device = probe.finding("device");
    if (device != nullptr) ladder.failure = device->failure;
  }
  if (!ladder.failure && ladder.plugin.empty()) ladder.failure = no_cuda_plugin();
  if (ladder.failure) ladder.failure->effect = "nothing was opened";
  const Finding* cudnn = probe.finding("cudnn");
  if (cudnn != nullptr && cudnn->verdict != Verdict::good) ladder.broken_libraries = {"cudnn"};
}

Ladder look(Search search) {
  const bool everything = search == Search::everything;
  Ladder ladder;
  ladder.search = search;
  ladder.evidence = machine::look_at_machine();
  const std::string missing = missing_driver();
  ladder.hardware = ladder.evidence.hardware() || missing.empty();
  if (!missing.empty()) ladder.failure = machine::no_driver(missing, ladder.evidence);
  if (!ladder.hardware || (ladder.failure && !everything)) return ladder;

  ladder.plugin = find_cuda_plugin();
  ProbeRun run = run_probe(ladder.plugin, everything);
  ladder.probe = std::move(run.report);
  ladder.probe_milliseconds = run.milliseconds;
  ladder.without_probe = std::move(run.not_started);
  if (run.died) take_in_death(*run.died, ladder);
  if (!ladder.without_probe.empty() && !ladder.failure && !ladder.plugin.empty()) try_here(ladder);
  judge(ladder);
  return ladder;
}

// What the answer depends on and a program may change.
std::string surroundings() {
  std::string text;
  constexpr EnvironmentName kNames[] = {
      "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES",    "NVIDIA_VISIBLE_DEVICES", "MINNOW_PLUGIN_DIR",
      "MINNOW_PROBE",    "MINNOW_PROBE_TIMEOUT_MS", "MINNOW_SYSROOT"};
  for (const EnvironmentName name : kNames) {
    const auto value = environment(name);
    text += cat(name.name(), value ? "=" : "", value.value_or(""), "\n");
  }
  return text;
}

}  // namespace

const Failure* Ladder::refusal(int ordinal) const {
  if (failure) return &*failure;
  const auto index = static_cast<std::size_t>(ordinal);
  if (index >= probe.devices.size() || !probe.devices[index].failure) return nullptr;
  return &*probe.devices[index].failure;
}

std::shared_ptr<const Ladder> find_gpus(Search search) {
  static std::mutex mutex;
  static std::string known_surroundings;
  static std::shared_ptr<const Ladder> known;
  const std::lock_guard lock(mutex);
  std::string now = surroundings();
  // What succeeded has looked at everything.
  if (known != nullptr && now == known_surroundings &&
      (search == Search::to_first_cause || known->search == Search::everything ||
       !known->failure)) {
    return known;
  }
  known = std::make_shared<const Ladder>(look(search));
  known_surroundings = std::move(now);
  return known;
}

}  // namespace minnow
