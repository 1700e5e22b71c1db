#pragma once

// What the machine shows of NVIDIA hardware and its driver without any CUDA call: files and the
// environment. Harmless and fast; everything else is decided with it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace minnow::machine {

struct PciDevice {
  std::string address;  // "0000:65:00.0"
  std::string device;   // "2330"
};

/// A GPU as the kernel module lists it.
struct ModuleGpu {
  std::string address;
  std::string model;  // "NVIDIA H100 80GB HBM3"
  std::string uuid;   // "GPU-..."
};

struct DeviceNode {
  std::string path;        // "/dev/nvidia0"
  bool permitted = false;  // this process may read and write it
  std::string rights;      // "crw-rw---- 0:44"
};

struct Evidence {
  std::vector<PciDevice> pci;     // display devices of NVIDIA
  std::vector<ModuleGpu> gpus;    // /proc/driver/nvidia/gpus
  std::vector<DeviceNode> nodes;  // /dev/nvidia0, /dev/nvidiactl, ...
  std::string kernel_module;      // "580.95.05"
  bool dxg = false;               // /dev/dxg: the bridge to the Windows driver
  bool wsl = false;
  std::string container;                       // "/.dockerenv exists", empty: no sign of one
  std::optional<std::string> visible_devices;  // CUDA_VISIBLE_DEVICES
  std::string nvidia_visible_devices;
  std::string library_path;  // LD_LIBRARY_PATH

  /// Any sign of a GPU of NVIDIA's.
  bool hardware() const { return !pci.empty() || !gpus.empty() || !nodes.empty() || dxg; }
  /// GPUs of the machine; 0: not known.
  std::size_t gpu_count() const { return gpus.empty() ? pci.size() : gpus.size(); }
  const DeviceNode* node(const std::string& path) const;
  /// Whether a folder is one of LD_LIBRARY_PATH.
  bool on_library_path(const std::string& folder) const;
  /// "PCI shows NVIDIA device 0000:65:00.0 (10de:2330); no /dev/nvidia* device nodes"
  std::string hardware_text() const;
};

Evidence look_at_machine();

/// Whether a process of this user and these groups may read and write.
bool may_use(std::uint32_t mode, std::uint32_t owner, std::uint32_t group, std::uint32_t user,
             const std::vector<std::uint32_t>& groups);

}  // namespace minnow::machine
