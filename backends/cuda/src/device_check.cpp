#include "device_check.h"

#include <minnow/base/text.h>
#include <minnow/error.h>
#include <minnow/memory_plan.h>

#include <string>

#include "call.h"
#include "kernels/kernels.h"
#include "machine/driver_cause.h"
#include "machine/library_search.h"

namespace minnow::cuda {
namespace {

constexpr const char* kNothing = "nothing was opened";
// What the toolkit can compile for at all.
constexpr int kMinCapability = CUDART_VERSION >= 13000 ? 75 : 50;

// What a call answered, with all that the machine shows, as the one cause.
[[noreturn]] void unavailable(const char* call, cudaError_t error) {
  machine::DriverAnswer answer;
  answer.call = call;
  answer.code = static_cast<int>(error);
  answer.status = text_of(error);
  answer.library = machine::loaded_file("libcuda.so.1");
  int version = 0;
  if (cudaDriverGetVersion(&version) == cudaSuccess) answer.driver_cuda = version;
  version = 0;
  if (cudaRuntimeGetVersion(&version) == cudaSuccess) answer.runtime_cuda = version;
  throw DeviceUnavailable(machine::driver_failure(answer, machine::look_at_machine()));
}

int attribute(cudaDeviceAttr which, int ordinal) {
  int value = 0;
  return cudaDeviceGetAttribute(&value, which, ordinal) == cudaSuccess ? value : 0;
}

std::string capability_text(int capability) { return cat(capability / 10, ".", capability % 10); }

}  // namespace

Found find_device(const PluginOptions& options) {
  int count = 0;
  if (const auto error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    unavailable("cudaGetDeviceCount", error);
  }
  const int ordinal = options.ordinal;
  if (ordinal >= count) {
    throw DeviceUnavailable({.code = "MN-D03",
                             .what = cat("GPU not used: there is no GPU number ", ordinal, "."),
                             .evidence = cat("CUDA shows ", count,
                                             count == 1 ? " GPU: cuda:0" : " GPUs, from cuda:0 on"),
                             .effect = kNothing});
  }
  if (const auto error = cudaSetDevice(ordinal); error == cudaErrorDevicesUnavailable) {
    throw DeviceUnavailable(
        machine::device_busy(ordinal, attribute(cudaDevAttrComputeMode, ordinal),
                             cat("cudaSetDevice(", ordinal, ") -> ", text_of(error))));
  } else if (error != cudaSuccess) {
    unavailable("cudaSetDevice", error);
  }
  cudaDeviceProp properties{};
  if (const auto error = cudaGetDeviceProperties(&properties, ordinal); error != cudaSuccess) {
    unavailable("cudaGetDeviceProperties", error);
  }
  const char* name = properties.name;
  Found found{.name = name, .description = {}, .capability = 0};
  found.capability = 10 * attribute(cudaDevAttrComputeCapabilityMajor, ordinal) +
                     attribute(cudaDevAttrComputeCapabilityMinor, ordinal);
  const std::string which =
      cat(name, " (compute capability ", capability_text(found.capability), ")");
  if (found.capability < kMinCapability) {
    throw DeviceUnavailable(machine::device_too_old(which, CUDART_VERSION, MINNOW_CUDA_CODE));
  }
  if (const auto error = load_kernels(); error != cudaSuccess) {
    const bool no_code = error == cudaErrorNoKernelImageForDevice ||
                         error == cudaErrorUnsupportedPtxVersion ||
                         error == cudaErrorJitCompilerNotFound;
    const std::string answer = cat("cudaFuncGetAttributes -> ", text_of(error));
    throw DeviceUnavailable(
        {.code = no_code ? Code("MN-D11") : Code("MN-D07"),
         .what = no_code ? cat("GPU not used: this build has no code for ", which, ".")
                         : cat("GPU not used: ", which, " does not load minnow's kernels."),
         .evidence = no_code ? cat("this build contains code for ", MINNOW_CUDA_CODE, "; ", answer)
                             : answer,
         .remedy = no_code ? "build minnow for it: -DCMAKE_CUDA_ARCHITECTURES=native" : "",
         .effect = kNothing});
  }
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  if (const auto error = cudaMemGetInfo(&free_bytes, &total_bytes); error != cudaSuccess) {
    unavailable("cudaMemGetInfo", error);
  }
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
  found.description = cat(name, ", ", format_bytes(static_cast<std::int64_t>(free_bytes)), " of ",
                          format_bytes(static_cast<std::int64_t>(total_bytes)),
                          " free, driver for CUDA ", machine::cuda_version_text(driver),
                          ", runtime ", machine::cuda_version_text(CUDART_VERSION));
  return found;
}

}  // namespace minnow::cuda
