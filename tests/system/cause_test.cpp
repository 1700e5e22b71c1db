// From an answer of the driver's and what the machine shows to the one cause, word by word.

#include <gtest/gtest.h>

#include "machine.h"
#include "machine/driver_cause.h"
#include "machine/visible.h"

namespace minnow::machine {
namespace {

Evidence with_gpu() {
  Evidence evidence;
  evidence.pci = {{.address = "0000:65:00.0", .device = "2330"}};
  return evidence;
}

Evidence with_nodes() {
  Evidence evidence = with_gpu();
  for (const char* path : {"/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidiactl"}) {
    evidence.nodes.push_back({.path = path, .permitted = true, .rights = "crw-rw-rw- 0:0"});
  }
  return evidence;
}

DriverAnswer answer(int code, const std::string& library = "") {
  DriverAnswer made;
  made.call = "cuInit";
  made.code = code;
  made.status = driver_status(code);
  made.library = library;
  return made;
}

void expect(const Failure& failure, Code code, const std::string& what, const std::string& evidence,
            const std::string& remedy) {
  EXPECT_EQ(failure.code, code);
  EXPECT_EQ(failure.what, what);
  EXPECT_EQ(failure.evidence, evidence);
  EXPECT_EQ(failure.remedy, remedy);
}

constexpr const char* kLibrary = "/usr/lib/x86_64-linux-gnu/libcuda.so.580.95.05";

TEST(Cause, NoDriver) {
  expect(no_driver("dlopen(libcuda.so.1): cannot open shared object file", with_gpu()), "MN-D01",
         "GPU not used: no NVIDIA driver is installed.",
         "dlopen(libcuda.so.1): cannot open shared object file; PCI shows NVIDIA device "
         "0000:65:00.0 (10de:2330)",
         "install NVIDIA driver " + test::kDriver +
             " or newer, or run with --device=cpu to silence this");
}

TEST(Cause, OldDriver) {
  DriverAnswer old = answer(35, "/usr/lib/x86_64-linux-gnu/libcuda.so.535.183.01");
  old.driver_cuda = 12020;
  old.runtime_cuda = 13000;
  expect(driver_failure(old, with_nodes()), "MN-D02",
         "GPU not used: the NVIDIA driver is too old for this build.",
         "driver 535.183.01 supports CUDA 12.2; this build needs CUDA 13 (driver 580.65.06 or "
         "newer)",
         "update the driver, or use the minnow build for CUDA 12");
  // The file's name may say nothing.
  old.library = "/opt/libcuda.so.1";
  Evidence evidence = with_nodes();
  evidence.kernel_module = "535.183.01";
  EXPECT_EQ(driver_failure(old, evidence).evidence.find("driver 535.183.01 supports CUDA 12.2"),
            0U);
  // Version 0 is no driver.
  old.driver_cuda = 0;
  EXPECT_EQ(driver_failure(old, with_gpu()).code, Code("MN-D01"));
}

TEST(Cause, HiddenDevices) {
  Evidence evidence = with_nodes();
  evidence.visible_devices = "2";
  expect(driver_failure(answer(100), evidence), "MN-D03a",
         "GPU not used: CUDA_VISIBLE_DEVICES hides every GPU.",
         "CUDA_VISIBLE_DEVICES=\"2\"; the system has 1 GPU (index 0)",
         "unset CUDA_VISIBLE_DEVICES, or set it to 0");
  evidence.visible_devices = "-1,0";
  evidence.pci.push_back({.address = "0000:66:00.0", .device = "2330"});
  EXPECT_EQ(driver_failure(answer(100), evidence).evidence,
            "CUDA_VISIBLE_DEVICES=\"-1,0\"; entry 1 (\"-1\") is the first invalid one; the system "
            "has 2 GPUs (indices 0 to 1)");
  evidence.visible_devices = "";
  EXPECT_EQ(driver_failure(answer(100), evidence).code, Code("MN-D03a"));
  // It shows a GPU: then it is not the reason.
  evidence.visible_devices = "1";
  EXPECT_EQ(driver_failure(answer(100), evidence).code, Code("MN-D03"));
}

TEST(Cause, VisibleDevicesEndAtTheFirstInvalidEntry) {
  const auto visible = visible_devices("0,2,-1,1", {}, 3);
  EXPECT_EQ(visible.shown, 2U);
  EXPECT_EQ(visible.invalid, 3U);
  EXPECT_EQ(visible.entry, "-1");
  const std::vector<ModuleGpu> gpus = {{.address = "a", .model = "b", .uuid = "GPU-12ab"}};
  EXPECT_EQ(visible_devices("GPU-12", gpus, 1).shown, 1U);
  EXPECT_EQ(visible_devices("GPU-34", gpus, 1).shown, 0U);
  EXPECT_EQ(visible_devices("MIG-77", gpus, 1).shown, 1U);
  EXPECT_EQ(visible_devices("0,1,", {}, 2).shown, 2U);
  EXPECT_EQ(visible_devices("NoDevFiles", {}, 0).shown, 0U);
}

TEST(Cause, Containers) {
  Evidence evidence = with_gpu();
  evidence.container = "/.dockerenv exists";
  const char* remedy = "docker run --gpus all … (needs nvidia-container-toolkit on the host)";
  const char* what = "GPU not used: this container was started without GPU access.";
  const char* text = "/.dockerenv exists; PCI lists 1 NVIDIA GPU; no /dev/nvidia* device nodes";
  for (const int code : {-1, 100, 999}) {
    expect(driver_failure(answer(code), evidence), "MN-D03b", what, text, remedy);
  }
  expect(no_driver("dlopen(libcuda.so.1): cannot open shared object file", evidence), "MN-D03b",
         what, text, remedy);
  evidence.nvidia_visible_devices = "void";
  EXPECT_EQ(driver_failure(answer(100), evidence).evidence,
            std::string(text) + "; NVIDIA_VISIBLE_DEVICES=\"void\"");
}

TEST(Cause, RefusedByItsDriver) {
  Evidence evidence = with_nodes();
  evidence.gpus = {{.address = "0000:65:00.0", .model = "NVIDIA H100", .uuid = "GPU-1"}};
  expect(driver_failure(answer(100), evidence), "MN-D03c",
         "GPU not used: the driver lists the GPU but refuses it.",
         "cuInit -> 100 CUDA_ERROR_NO_DEVICE; /proc/driver/nvidia/gpus has 0000:65:00.0",
         "check dmesg | grep -i xid");
}

TEST(Cause, UpdatedWithoutReboot) {
  Evidence evidence = with_nodes();
  evidence.kernel_module = "570.172.08";
  const char* text =
      "kernel module 570.172.08 (/proc/driver/nvidia/version), library 580.95.05 "
      "(/usr/lib/x86_64-linux-gnu/libcuda.so.580.95.05), cuInit -> ";
  for (const int code : {803, 804}) {
    expect(driver_failure(answer(code, kLibrary), evidence), "MN-D04",
           "GPU not used: driver was updated but the machine was not rebooted.",
           text + driver_status(code), "reboot (or unload and reload the nvidia modules)");
  }
}

TEST(Cause, ForwardCompatibility) {
  Evidence evidence = with_nodes();
  evidence.library_path = "/usr/local/cuda/compat:/opt";
  const std::string library = "/usr/local/cuda/compat/libcuda.so.580.95.05";
  const char* what =
      "GPU not used: a forward-compatibility libcuda is loaded on a GPU that does not support it.";
  expect(driver_failure(answer(804, library), evidence), "MN-D05", what,
         "libcuda.so.1 -> " + library + ", cuInit -> 804 CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
         "remove /usr/local/cuda/compat from LD_LIBRARY_PATH");
  // It is not on that path: this would be no remedy.
  evidence.library_path.clear();
  EXPECT_EQ(driver_failure(answer(803, library), evidence).remedy,
            "remove the cuda-compat package, or its folder from the loader's path");
}

TEST(Cause, Stub) {
  const std::string library = "/usr/local/cuda/lib64/stubs/libcuda.so";
  expect(driver_failure(answer(34, library), with_gpu()), "MN-D08s",
         "GPU not used: the loaded libcuda is the link-time stub.",
         "libcuda.so.1 -> " + library + ", cuInit -> 34 CUDA_ERROR_STUB_LIBRARY",
         "remove the stubs directory from LD_LIBRARY_PATH");
  EXPECT_EQ(driver_failure(answer(500, library), with_gpu()).code, Code("MN-D08s"));
}

TEST(Cause, BridgeToWindows) {
  Evidence evidence;
  evidence.wsl = true;
  evidence.dxg = true;
  expect(driver_failure(answer(500, kLibrary), evidence), "MN-D06",
         "GPU not used: the bridge to the Windows driver is broken.",
         std::string("libcuda.so.1 -> ") + kLibrary +
             ", cuInit -> 500 CUDA_ERROR_NOT_FOUND; /dev/dxg exists",
         "update the Windows driver (555.85 or newer), WSL (wsl --update) and Docker Desktop");
  EXPECT_EQ(driver_failure(answer(500, kLibrary), with_nodes()).what,
            "GPU not used: the loaded libcuda is not complete.");
}

TEST(Cause, DriverThatDoesNotStart) {
  Evidence evidence = with_nodes();
  evidence.nodes.erase(evidence.nodes.begin());
  expect(driver_failure(answer(999), evidence), "MN-D07",
         "GPU not used: the driver does not start.",
         "cuInit -> 999 CUDA_ERROR_UNKNOWN; /dev/nvidia-uvm does not exist",
         "sudo modprobe nvidia_uvm");
  // It is there: to load it is no remedy.
  EXPECT_EQ(driver_failure(answer(999), with_nodes()).remedy,
            "sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm, or reboot; dmesg says more");
}

TEST(Cause, NoPermission) {
  Evidence evidence = with_nodes();
  evidence.nodes[1] = {.path = "/dev/nvidia0", .permitted = false, .rights = "crw-rw---- 0:44"};
  for (const int code : {100, 304, 999}) {
    expect(driver_failure(answer(code), evidence), "MN-D12",
           "GPU not used: this process may not use /dev/nvidia0.",
           "/dev/nvidia0 is crw-rw---- 0:44; cuInit -> " + driver_status(code),
           "add the user to the group of that file, and log in again");
  }
}

TEST(Cause, Daemons) {
  EXPECT_EQ(driver_failure(answer(802), with_nodes()).remedy,
            "sudo systemctl start nvidia-fabricmanager");
  for (const int code : {805, 807, 808, 809}) {
    EXPECT_EQ(driver_failure(answer(code), with_nodes()).what,
              "GPU not used: the daemon that shares the GPU (MPS) is not ready.");
  }
}

TEST(Cause, OneGpu) {
  const char* text = "cudaSetDevice(0) -> 46";
  expect(device_busy(0, 3, text), "MN-D09",
         "cuda:0 is busy: it is in exclusive-process mode and held by another program.",
         "cudaSetDevice(0) -> 46; compute mode EXCLUSIVE_PROCESS",
         "end that program, or: sudo nvidia-smi -i 0 -c DEFAULT");
  EXPECT_EQ(device_busy(1, 2, text).what, "cuda:1 is closed: its compute mode admits no program.");
  expect(
      device_too_old("NVIDIA Tesla V100 (compute capability 7.0)", 13000, "7.5 8.0 9.0 10.0 12.0"),
      "MN-D10",
      "GPU not used: NVIDIA Tesla V100 (compute capability 7.0) is not supported by CUDA 13.",
      "this build contains code for 7.5 8.0 9.0 10.0 12.0", "use the CUDA 12 build");
}

}  // namespace
}  // namespace minnow::machine
