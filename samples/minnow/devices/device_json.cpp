#include "devices/device_json.h"

#include "devices/device_facts.h"
#include "terminal/json_text.h"

namespace minnow::command {
namespace {

std::string name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::good:
      return "good";
    case Verdict::note:
      return "note";
    case Verdict::problem:
      return "problem";
    case Verdict::skipped:
      break;
  }
  return "skipped";
}

// Facts that are not known are null.
Json bytes_or_null(std::int64_t bytes) { return bytes < 0 ? Json() : Json(bytes); }

Json checks_json(const DeviceReport& report) {
  Json checks = Json::array();
  for (const auto& finding : report.findings) {
    Json check = {
        {"topic", finding.topic}, {"verdict", name_of(finding.verdict)}, {"text", finding.text}};
    if (finding.failure) check["failure"] = error_json(*finding.failure);
    checks.push_back(std::move(check));
  }
  return checks;
}

Json libraries_json(const DeviceReport& report) {
  Json libraries = Json::array();
  for (const auto& library : report.libraries) {
    libraries.push_back({{"name", library.name},
                         {"built_against", text_or_null(library.built_against)},
                         {"found", text_or_null(library.found)},
                         {"path", text_or_null(library.path)},
                         {"problem", text_or_null(library.problem)}});
  }
  return libraries;
}

Json list_json(const DeviceReport& report) {
  Json devices = Json::array();
  for (const auto& device : report.devices) {
    devices.push_back({{"name", device.name},
                       {"kind", device.kind},
                       {"description", device.description},
                       {"pci", text_or_null(device.pci)},
                       {"memory_total", bytes_or_null(device.memory_total)},
                       {"memory_free", bytes_or_null(device.memory_free)},
                       {"compute", text_or_null(device.compute)},
                       {"usable", device.usable},
                       {"reason", text_or_null(device.reason)}});
  }
  return devices;
}

}  // namespace

std::string doctor_json(const DeviceReport& report, Exit exit) {
  const bool cuda = usable(report, "cuda");
  return json_line(Json{{"doctor",
                         {{"version", report.version},
                          {"compiler", report.compiler},
                          {"driver", text_or_null(report.driver)},
                          {"driver_cuda", text_or_null(report.driver_cuda)},
                          {"kernel_module", text_or_null(report.kernel_module)},
                          {"checks", checks_json(report)},
                          {"libraries", libraries_json(report)},
                          {"devices", list_json(report)},
                          {"auto", report.auto_device},
                          {"cuda", cuda ? Json(find_device(report, "cuda")->name) : Json()},
                          {"problems", problems(report)},
                          {"probe_milliseconds", report.probe_milliseconds},
                          {"exit", static_cast<int>(exit)}}}});
}

std::string devices_json(const DeviceReport& report) {
  return json_line(Json{{"devices", list_json(report)}, {"auto", report.auto_device}});
}

}  // namespace minnow::command
