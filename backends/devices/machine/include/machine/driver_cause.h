#pragma once

// From what the driver answered to what is wrong with it, with the GPU or with this process.

#include <minnow/error.h>

#include <string>

#include "machine/evidence.h"

namespace minnow::machine {

/// CUDA's driver and its runtime number their answers alike.
struct DriverAnswer {
  std::string call;  // "cuInit"
  int code = 0;
  std::string status;    // "803 CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"
  int driver_cuda = 0;   // 12020; 0: not known
  int runtime_cuda = 0;  // 13000; 0: not known
  std::string library;   // the file of libcuda
};
Failure driver_failure(const DriverAnswer& answer, const Evidence& evidence);

/// `loader` is what the loader said: "dlopen(libcuda.so.1): cannot open shared object file".
Failure no_driver(const std::string& loader, const Evidence& evidence);

/// Of one GPU: 46, "busy or unavailable". `mode` is cudaComputeMode.
Failure device_busy(int ordinal, int mode, const std::string& evidence);
/// `which` is "NVIDIA Tesla V100 (compute capability 7.0)", `code` "7.5 8.0 9.0".
Failure device_too_old(const std::string& which, int runtime_cuda, const std::string& code);

/// "12.2" of 12020.
std::string cuda_version_text(int version);
/// Of the driver's package: "580.95.05"; empty: not known.
std::string driver_version(const std::string& library, const Evidence& evidence);
/// "803 CUDA_ERROR_SYSTEM_DRIVER_MISMATCH".
std::string driver_status(int code);

}  // namespace minnow::machine
