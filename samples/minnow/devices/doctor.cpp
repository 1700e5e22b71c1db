#include "devices/doctor.h"

#include <minnow/device_report.h>

#include <algorithm>
#include <vector>

#include "data/dataset.h"
#include "devices/device_facts.h"
#include "devices/device_json.h"
#include "devices/doctor_table.h"
#include "devices/self_test.h"
#include "terminal/numbers.h"
#include "terminal/printable.h"

namespace minnow::command {
namespace {

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

// What can be trained on without a network.
Finding data_finding() {
  std::vector<std::string> here;
  std::vector<std::string> missing;
  std::vector<std::string> packages;
  for (const auto& info : dataset_infos()) {
    const bool installed = dataset_installed(info.name);
    (installed ? here : missing).push_back(info.name);
    if (!installed) add_once(packages, info.package);
  }
  std::string text = joined(here);
  if (!missing.empty()) {
    std::string install = "apt-get install";
    for (const auto& package : packages) install += " " + package;
    text += cat("\nnot installed: ", joined(missing), " (", install, ")");
  }
  return {.topic = "data", .verdict = Verdict::good, .text = std::move(text)};
}

}  // namespace

Exit run_doctor(const Arguments& arguments, Terminal& terminal) {
  const auto& [wants_self_test, strict] = arguments.doctor;
  DeviceReport report = report_devices();
  if (wants_self_test) {
    for (auto& finding : self_test(report)) report.findings.push_back(std::move(finding));
  }
  report.findings.push_back(data_finding());
  const Exit exit = doctor_exit(report, strict);
  terminal.out.write(terminal.json ? doctor_json(report, exit) : doctor_text(report, terminal));
  if (exit == Exit::device) {
    terminal.note(printable(cat("minnow: --strict=", strict, ": ", why_not_usable(report, strict)),
                            terminal.utf8));
  }
  return exit;
}

}  // namespace minnow::command
