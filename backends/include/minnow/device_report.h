#pragma once

/// What this machine can train on, and if not on a GPU, why: the facts behind `minnow doctor`,
/// `minnow devices` and the choice of open("auto").
///
///     const minnow::DeviceReport report = minnow::report_devices();
///     for (const auto& finding : report.findings) show(finding.topic, finding.text);
///
/// Some milliseconds without a GPU, and what starting CUDA in another process takes with one; the
/// second call of a process is answered from memory. Vendor libraries are tried in that process
/// (minnow-probe), so one that crashes or hangs does no harm here.

#include <minnow/backend.h>
#include <minnow/export.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace minnow {

enum class Verdict : std::uint8_t {
  good,     // works
  note,     // works, and something is worth knowing
  problem,  // does not work; `failure` says why
  skipped,  // not looked at, because something before it failed or was not wanted
};

/// One rung of the ladder from the hardware to a usable device; `topic` is one of CPU, hardware,
/// driver, plugin, cudart, cublasLt, cudnn, device.
struct Finding {
  std::string topic;
  Verdict verdict = Verdict::skipped;
  std::string text;                     // "NVIDIA H100 80GB HBM3 (PCI 0000:65:00.0)"
  std::optional<Failure> failure = {};  // of a problem, and of a note that has a remedy
};

/// A library of the vendor. Versions as the vendor writes them ("13.1.0"); empty: not known.
struct LibraryFact {
  std::string name;           // "cudart", "cublasLt", "cudnn", "cudnn_graph", "cudnn_ops"
  std::string built_against;  // what minnow was compiled with
  std::string found;
  std::string path;     // the file itself, links followed
  std::string problem;  // "dlopen: ...", empty when it is fine
};

/// A device as the machine has it, usable or not.
struct DeviceFact {
  std::string name;         // "cpu", "cuda:0"
  std::string kind;         // "CPU", "CUDA"
  std::string description;  // "AMD EPYC 9R14, 2 threads", "NVIDIA H100 80GB HBM3"
  std::string pci;          // "0000:65:00.0"
  std::int64_t memory_total = -1;
  std::int64_t memory_free = -1;
  std::string compute;  // "x86-64-v4", "sm_90, 132 SM"
  bool usable = false;
  std::string reason;  // why not
};

struct DeviceReport {
  std::string version;        // of minnow
  std::string compiler;       // "g++ 12.2.0"
  std::string driver;         // of the user library: "580.95.05", empty: none
  std::string kernel_module;  // "580.95.05"
  std::string driver_cuda;    // the newest CUDA that the driver supports: "13.0"
  std::vector<Finding> findings;
  std::vector<LibraryFact> libraries;
  std::vector<DeviceFact> devices;  // "cpu" first
  std::string auto_device;          // what open("auto") takes
  double probe_milliseconds = 0;    // how long the other process took; 0: none was needed
};

MINNOW_API DeviceReport report_devices();

}  // namespace minnow
