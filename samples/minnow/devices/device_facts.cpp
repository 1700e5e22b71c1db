#include "devices/device_facts.h"

#include <algorithm>

namespace minnow::command {

const DeviceFact* find_device(const DeviceReport& report, std::string_view name) {
  const std::string full = std::string(name) + (name == "cuda" ? ":0" : "");
  const auto found = std::find_if(report.devices.begin(), report.devices.end(),
                                  [&](const DeviceFact& device) { return device.name == full; });
  return found == report.devices.end() ? nullptr : &*found;
}

bool usable(const DeviceReport& report, std::string_view name) {
  const DeviceFact* device = find_device(report, name);
  return device != nullptr && device->usable;
}

std::string brief(std::string_view what) {
  constexpr std::string_view kLead = "GPU not used: ";
  if (what.starts_with(kLead)) what.remove_prefix(kLead.size());
  if (what.ends_with('.')) what.remove_suffix(1);
  return std::string(what);
}

std::string why_not_usable(const DeviceReport& report, const std::string& name) {
  const std::string lead = name + " cannot be used";
  if (const DeviceFact* device = find_device(report, name); device != nullptr) {
    return lead + (device->reason.empty() ? "" : ": ") + brief(device->reason) + ".";
  }
  // With no GPU in the list, what keeps them away; else it is the number that is wrong.
  if (report.devices.size() < 2) {
    for (const auto& finding : report.findings) {
      if (finding.verdict != Verdict::problem || !finding.failure) continue;
      if (finding.topic != "CPU") return lead + ": " + brief(finding.failure->what) + ".";
    }
  }
  return lead + ": this machine shows none.";
}

std::size_t problems(const DeviceReport& report) {
  return static_cast<std::size_t>(
      std::count_if(report.findings.begin(), report.findings.end(),
                    [](const Finding& finding) { return finding.verdict == Verdict::problem; }));
}

Exit doctor_exit(const DeviceReport& report, std::string_view strict) {
  if (!strict.empty() && !usable(report, strict)) return Exit::device;
  return problems(report) == 0 ? Exit::ok : Exit::problem;
}

}  // namespace minnow::command
