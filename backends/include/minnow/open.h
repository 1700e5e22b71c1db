#pragma once

/// Devices by name.
///
///     minnow::Device device = minnow::open("auto");
///     log(device.info().description);

#include <minnow/backend.h>
#include <minnow/export.h>

#include <string>
#include <string_view>
#include <vector>

namespace minnow {

struct OpenOptions {
  /// Of the CPU. 0: as many as the process may use (affinity mask, cgroup limit). A program gets
  /// fewer when its step is too short to share.
  int threads = 0;
  /// A CPU computes in fp32 and, with AMX-BF16 and libminnow_onednn.so, in bf16: products whose
  /// sides are all 32 or more then round their factors; fewer rows at a time stay in fp32.
  /// MINNOW_CPU_BF16=any takes AVX512-BF16 instead of AMX, which gains less.
  Precision precision = Precision::fp32;
  /// Of a GPU: time the ways to compute each product when a program is compiled, and take the
  /// fastest. Two runs may then choose differently, and their last bits differ.
  bool tune = false;
  /// Bytes that may be held on the device; more is refused with ResourceExhausted. Counts what
  /// trainers hold there (Device::memory().held): neither tensors in host memory nor what CUDA
  /// takes for itself. Two limited devices may share one GPU. 0: no limit.
  std::int64_t memory_limit = 0;
};

/// "cpu"; "cuda" or "cuda:1": an NVIDIA GPU, the first or another; "auto": what the environment
/// variable MINNOW_DEVICE names, else the first GPU that can be used, else the CPU, and
/// Device::skipped() says why. "cpu" looks for no GPU. Before a GPU is opened here, another process
/// (minnow-probe) tries driver and libraries, because a damaged one ends the process that loads it;
/// where the machine shows neither an NVIDIA GPU nor a driver, none is started. device_report.h
/// says what was found.
///
/// The GPU's backend is a library of its own beside libminnow (MINNOW_PLUGIN_DIR: look there
/// first). minnow-probe is the file that MINNOW_PROBE names, or is found beside libminnow or where
/// it was installed; it may take 10 s (MINNOW_PROBE_TIMEOUT_MS). What uses a GPU makes it the
/// calling thread's current one and leaves it so.
/// @throws InvalidArgument for a name that is no device (lists the names), DeviceUnavailable for a
/// device that cannot be used here.
MINNOW_API Device open(std::string_view name = "auto", const OpenOptions& options = {});

/// The names that open() takes.
MINNOW_API std::vector<std::string> device_names();

}  // namespace minnow
