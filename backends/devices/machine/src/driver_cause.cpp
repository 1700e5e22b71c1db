#include "machine/driver_cause.h"

#include <minnow/base/files.h>
#include <minnow/base/text.h>

#include <algorithm>
#include <iterator>

#include "machine/vendor_text.h"
#include "machine/visible.h"

namespace minnow::machine {
namespace {

enum Answer {
  kNotInitialized = 3,
  kStub = 34,
  kInsufficient = 35,
  kNewerDriver = 36,
  kUnavailable = 46,
  kNoDevice = 100,
  kNotLicensed = 102,
  kOperatingSystem = 304,
  kNotFound = 500,
  kNotReady = 802,
  kMismatch = 803,
  kCompat = 804,
  kMpsConnection = 805,
  kMpsNotReady = 807,
  kMpsClients = 808,
  kMpsConnections = 809,
};

// Built with the toolkit of this major number.
#ifndef MINNOW_CUDA_MAJOR
#define MINNOW_CUDA_MAJOR 13
#endif

const char* least_driver(int cuda_major) { return cuda_major >= 13 ? "580.65.06" : "525.60.13"; }

Failure failure(Code code, std::string_view what, std::string evidence, std::string remedy) {
  return {.code = code,
          .what = cat("GPU not used: ", what, "."),
          .evidence = std::move(evidence),
          .remedy = std::move(remedy),
          .effect = "nothing was opened"};
}

std::string said(const DriverAnswer& answer) { return cat(answer.call, " -> ", answer.status); }

std::string library_text(const DriverAnswer& answer) {
  return answer.library.empty() ? said(answer)
                                : cat("libcuda.so.1 -> ", answer.library, ", ", said(answer));
}

bool has_nodes(const Evidence& evidence) { return !evidence.nodes.empty() || evidence.dxg; }

Failure container(const Evidence& evidence) {
  const std::size_t count = evidence.gpu_count();
  std::string text = cat(evidence.container, "; PCI lists ", count, " NVIDIA GPU",
                         count == 1 ? "" : "s", "; no /dev/nvidia* device nodes");
  if (!evidence.nvidia_visible_devices.empty()) {
    text += cat("; NVIDIA_VISIBLE_DEVICES=\"", evidence.nvidia_visible_devices, "\"");
  }
  return failure("MN-D03b", "this container was started without GPU access", std::move(text),
                 "docker run --gpus all … (needs nvidia-container-toolkit on the host)");
}

bool is_shut_container(const Evidence& evidence) {
  return !evidence.container.empty() && evidence.gpu_count() > 0 && !has_nodes(evidence);
}

Failure not_permitted(const DriverAnswer& answer, const DeviceNode& node) {
  return failure("MN-D12", cat("this process may not use ", node.path),
                 cat(node.path, " is ", node.rights, "; ", said(answer)),
                 "add the user to the group of that file, and log in again");
}

const DeviceNode* not_permitted(const Evidence& evidence) {
  const auto node = std::find_if(evidence.nodes.begin(), evidence.nodes.end(),
                                 [](const DeviceNode& one) { return !one.permitted; });
  return node == evidence.nodes.end() ? nullptr : &*node;
}

Failure no_device(const DriverAnswer& answer, const Evidence& evidence) {
  if (evidence.visible_devices) {
    const auto visible =
        visible_devices(*evidence.visible_devices, evidence.gpus, evidence.gpu_count());
    if (visible.shown == 0) return hidden_devices(*evidence.visible_devices, visible, evidence);
  }
  if (is_shut_container(evidence)) return container(evidence);
  if (const DeviceNode* node = not_permitted(evidence)) return not_permitted(answer, *node);
  if (!evidence.gpus.empty()) {
    return failure("MN-D03c", "the driver lists the GPU but refuses it",
                   cat(said(answer), "; /proc/driver/nvidia/gpus has ", evidence.gpus[0].address),
                   "check dmesg | grep -i xid");
  }
  return failure("MN-D03", "the driver shows no GPU",
                 cat(said(answer), "; ", evidence.hardware_text()), "look at nvidia-smi and dmesg");
}

// The kernel module and the library that programs load are not of one version.
Failure mismatch(const DriverAnswer& answer, const Evidence& evidence) {
  const std::string library = first_version(name_in(answer.library));
  std::string text;
  if (!evidence.kernel_module.empty()) {
    text += cat("kernel module ", evidence.kernel_module, " (/proc/driver/nvidia/version), ");
  }
  if (!library.empty()) text += cat("library ", library, " (", answer.library, "), ");
  return failure("MN-D04", "driver was updated but the machine was not rebooted",
                 text + said(answer), "reboot (or unload and reload the nvidia modules)");
}

Failure compat(const DriverAnswer& answer, const Evidence& evidence) {
  const std::string folder = folder_of(answer.library);
  return failure("MN-D05",
                 "a forward-compatibility libcuda is loaded on a GPU that does not support it",
                 library_text(answer),
                 evidence.on_library_path(folder)
                     ? cat("remove ", folder, " from LD_LIBRARY_PATH")
                     : "remove the cuda-compat package, or its folder from the loader's path");
}

Failure not_started(const DriverAnswer& answer, const Evidence& evidence) {
  if (is_shut_container(evidence)) return container(evidence);
  if (const DeviceNode* node = not_permitted(evidence)) return not_permitted(answer, *node);
  if (!evidence.nodes.empty() && evidence.node("/dev/nvidia-uvm") == nullptr) {
    return failure("MN-D07", "the driver does not start",
                   cat(said(answer), "; /dev/nvidia-uvm does not exist"),
                   "sudo modprobe nvidia_uvm");
  }
  return failure("MN-D07", "the driver does not start", library_text(answer),
                 "sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm, or reboot; dmesg says more");
}

Failure incomplete(const DriverAnswer& answer, const Evidence& evidence) {
  if (!evidence.wsl) {
    return failure("MN-D06", "the loaded libcuda is not complete", library_text(answer),
                   "reinstall the NVIDIA driver");
  }
  return failure(
      "MN-D06", "the bridge to the Windows driver is broken",
      cat(library_text(answer),
          evidence.dxg ? "; /dev/dxg exists" : "; /proc/version names Microsoft"),
      "update the Windows driver (555.85 or newer), WSL (wsl --update) and Docker Desktop");
}

}  // namespace

std::string cuda_version_text(int version) { return cat(version / 1000, ".", version % 1000 / 10); }

std::string driver_status(int code) {
  struct Name {
    int code;
    const char* name;
  };
  constexpr Name kNames[] = {{1, "INVALID_VALUE"},
                             {2, "OUT_OF_MEMORY"},
                             {kNotInitialized, "NOT_INITIALIZED"},
                             {kStub, "STUB_LIBRARY"},
                             {kNewerDriver, "CALL_REQUIRES_NEWER_DRIVER"},
                             {kUnavailable, "DEVICE_UNAVAILABLE"},
                             {kNoDevice, "NO_DEVICE"},
                             {101, "INVALID_DEVICE"},
                             {kNotLicensed, "DEVICE_NOT_LICENSED"},
                             {kOperatingSystem, "OPERATING_SYSTEM"},
                             {kNotFound, "NOT_FOUND"},
                             {kNotReady, "SYSTEM_NOT_READY"},
                             {kMismatch, "SYSTEM_DRIVER_MISMATCH"},
                             {kCompat, "COMPAT_NOT_SUPPORTED_ON_DEVICE"},
                             {kMpsConnection, "MPS_CONNECTION_FAILED"},
                             {kMpsNotReady, "MPS_SERVER_NOT_READY"},
                             {kMpsClients, "MPS_MAX_CLIENTS_REACHED"},
                             {kMpsConnections, "MPS_MAX_CONNECTIONS_REACHED"},
                             {999, "UNKNOWN"}};
  for (const Name& row : kNames) {
    if (row.code == code) return cat(code, " CUDA_ERROR_", row.name);
  }
  return cat(code, " (no error of CUDA's)");
}

std::string driver_version(const std::string& library, const Evidence& evidence) {
  const std::string name = name_in(library);
  const std::size_t at = name.find(".so.");
  const std::string version = at == std::string::npos ? "" : first_version(name.substr(at + 4));
  return version.empty() ? evidence.kernel_module : version;
}

Failure no_driver(const std::string& loader, const Evidence& evidence) {
  if (is_shut_container(evidence)) return container(evidence);
  return failure("MN-D01", "no NVIDIA driver is installed",
                 cat(loader, "; ", evidence.hardware_text()),
                 cat("install NVIDIA driver ", MINNOW_CUDA_MAJOR >= 13 ? 580 : 525,
                     " or newer, or run with --device=cpu to silence this"));
}

Failure device_busy(int ordinal, int mode, const std::string& evidence) {
  constexpr const char* kModes[] = {"DEFAULT", "EXCLUSIVE", "PROHIBITED", "EXCLUSIVE_PROCESS"};
  const std::string name = cat("cuda:", ordinal);
  const bool known = mode >= 0 && mode < static_cast<int>(std::size(kModes));
  Failure busy{.code = "MN-D09",
               .what = cat(name, " is busy or not available."),
               .evidence = known ? cat(evidence, "; compute mode ", kModes[mode]) : evidence,
               .remedy = "nvidia-smi shows who holds it, and whether it is MIG without an instance",
               .effect = "nothing was opened"};
  if (mode == 2) {
    busy.what = name + " is closed: its compute mode admits no program.";
    busy.remedy = cat("sudo nvidia-smi -i ", ordinal, " -c DEFAULT");
  } else if (mode == 1 || mode == 3) {
    busy.what = name + " is busy: it is in exclusive-process mode and held by another program.";
    busy.remedy = cat("end that program, or: sudo nvidia-smi -i ", ordinal, " -c DEFAULT");
  }
  return busy;
}

Failure device_too_old(const std::string& which, int runtime_cuda, const std::string& code) {
  const int major = runtime_cuda / 1000;
  return failure("MN-D10", cat(which, " is not supported by CUDA ", major),
                 "this build contains code for " + code,
                 major > 12 ? "use the CUDA 12 build" : "use another GPU, or the CPU");
}

Failure driver_failure(const DriverAnswer& answer, const Evidence& evidence) {
  const bool stub = answer.library.find("/stubs/") != std::string::npos;
  if (answer.code == kStub || stub) {
    return failure("MN-D08s", "the loaded libcuda is the link-time stub", library_text(answer),
                   "remove the stubs directory from LD_LIBRARY_PATH");
  }
  const bool forward = answer.library.find("/compat/") != std::string::npos;
  const std::string library = first_version(name_in(answer.library));
  switch (answer.code) {
    case kInsufficient:
    case kNewerDriver: {
      if (answer.driver_cuda <= 0) return no_driver(said(answer), evidence);
      const std::string version = driver_version(answer.library, evidence);
      const int major = answer.runtime_cuda / 1000;
      return failure(
          "MN-D02", "the NVIDIA driver is too old for this build",
          cat(version.empty() ? "the driver" : "driver " + version, " supports CUDA ",
              cuda_version_text(answer.driver_cuda), "; this build needs CUDA ", major, " (driver ",
              least_driver(major), " or newer)"),
          cat("update the driver, or use the minnow build for CUDA ", answer.driver_cuda / 1000));
    }
    case kNoDevice:
      return no_device(answer, evidence);
    case kMismatch:
      return forward ? compat(answer, evidence) : mismatch(answer, evidence);
    case kCompat:
      // GeForce answers so when the machine was not rebooted.
      return !forward && !library.empty() && !evidence.kernel_module.empty() &&
                     library != evidence.kernel_module
                 ? mismatch(answer, evidence)
                 : compat(answer, evidence);
    case kNotFound:
      return incomplete(answer, evidence);
    case kNotReady:
      return failure("MN-D08", "the system that connects the GPUs is not ready", said(answer),
                     "sudo systemctl start nvidia-fabricmanager");
    case kMpsConnection:
    case kMpsNotReady:
    case kMpsClients:
    case kMpsConnections:
      return failure("MN-D08", "the daemon that shares the GPU (MPS) is not ready", said(answer),
                     "restart it: nvidia-cuda-mps-control -d");
    case kNotInitialized:
      return failure("MN-D13", "CUDA was used before this process was forked, or cannot start",
                     said(answer), "start the worker with exec, or open the device after the fork");
    case kNotLicensed:
      return failure("MN-D09", "the virtual GPU has no licence", said(answer),
                     "nvidia-smi -q shows the licence's state");
    case kUnavailable:
      return failure("MN-D09", "every GPU is busy or not available", said(answer),
                     "nvidia-smi shows who holds them");
    default:
      return not_started(answer, evidence);
  }
}

}  // namespace minnow::machine
