#include "devices/devices.h"

#include <minnow/device_report.h>

#include <algorithm>

#include "devices/device_facts.h"
#include "devices/device_json.h"
#include "devices/device_table.h"
#include "terminal/numbers.h"
#include "terminal/printable.h"

namespace minnow::command {

Exit run_devices(const Arguments&, Terminal& terminal) {
  const DeviceReport report = report_devices();
  if (terminal.json) {
    terminal.out.write(devices_json(report));
    return Exit::ok;
  }
  terminal.out.write(devices_text(report, terminal));
  if (report.devices.size() > 1) return Exit::ok;
  // No GPU is in the list although something of one is there.
  const auto problem =
      std::find_if(report.findings.begin(), report.findings.end(), [](const Finding& finding) {
        return finding.verdict == Verdict::problem && finding.failure;
      });
  if (problem != report.findings.end()) {
    terminal.note(cat("minnow: ", printable(problem->failure->what, terminal.utf8), " [",
                      printable(problem->failure->code, false), "] minnow doctor says more"));
  }
  return Exit::ok;
}

}  // namespace minnow::command
