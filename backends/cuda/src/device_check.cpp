#include "device_check.h"

#include <minnow/error.h>
#include <minnow/memory_plan.h>

#include <cstdlib>
#include <utility>

#include "call.h"
#include "kernels/kernels.h"
#include "text.h"

namespace minnow::cuda {
namespace {

constexpr int kLeastCapability = 75;

struct Cause {
  cudaError_t error;
  const char* code;
  const char* what;
  const char* remedy;
};
constexpr Cause kCauses[] = {
    {cudaErrorStubLibrary, "MN-D08s", "the loaded libcuda is the link-time stub",
     "remove the stubs directory from LD_LIBRARY_PATH"},
    {cudaErrorSystemDriverMismatch, "MN-D04",
     "the driver was updated but the machine was not rebooted",
     "reboot (or unload and reload the nvidia modules)"},
    {cudaErrorCompatNotSupportedOnDevice, "MN-D05",
     "a forward-compatibility libcuda is loaded on a GPU that does not support it",
     "remove the compat directory from LD_LIBRARY_PATH"},
    {cudaErrorSymbolNotFound, "MN-D06", "the loaded libcuda is not complete",
     "under WSL or Docker Desktop update them and the driver"},
    {cudaErrorSystemNotReady, "MN-D08", "the system that connects the GPUs is not ready",
     "start nvidia-fabricmanager"},
    {cudaErrorDevicesUnavailable, "MN-D09",
     "it is in exclusive-process mode and held by another program, or prohibited",
     "end that program, or set another compute mode with nvidia-smi"},
    {cudaErrorInitializationError, "MN-D13",
     "CUDA was used before this process was forked, or cannot start",
     "start the worker with exec, or open the device after the fork"},
};

[[noreturn]] void unavailable(std::string code, std::string what, std::string evidence,
                              std::string remedy) {
  throw DeviceUnavailable({.code = std::move(code),
                           .what = cat("GPU not used: ", what, "."),
                           .evidence = std::move(evidence),
                           .remedy = std::move(remedy),
                           .effect = "nothing was opened"});
}

std::string version_text(int version) { return cat(version / 1000, ".", version % 1000 / 10); }

std::string answer(const char* call, cudaError_t error) {
  return cat(call, " -> ", text_of(error));
}

[[noreturn]] void no_devices(const char* call, cudaError_t error, int driver, int runtime) {
  const std::string evidence = answer(call, error);
  if (error == cudaErrorInsufficientDriver && driver == 0) {
    unavailable("MN-D01", "no NVIDIA driver is installed", evidence,
                "install the NVIDIA driver, or ask for \"auto\" or \"cpu\"");
  }
  if (error == cudaErrorInsufficientDriver) {
    unavailable("MN-D02", "the NVIDIA driver is too old for this build",
                cat("the driver supports CUDA ", version_text(driver), "; this build needs CUDA ",
                    runtime / 1000),
                cat("update the driver, or build minnow with CUDA ", driver / 1000));
  }
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (error == cudaErrorNoDevice && visible != nullptr) {
    unavailable("MN-D03a", "CUDA_VISIBLE_DEVICES hides every GPU",
                cat("CUDA_VISIBLE_DEVICES=\"", visible, "\"; ", evidence),
                "unset CUDA_VISIBLE_DEVICES, or set it to 0");
  }
  if (error == cudaErrorNoDevice) {
    unavailable("MN-D03", "the driver shows no GPU", evidence,
                "in a container: docker run --gpus all; else look at nvidia-smi and dmesg");
  }
  for (const Cause& cause : kCauses) {
    if (cause.error == error) unavailable(cause.code, cause.what, evidence, cause.remedy);
  }
  unavailable("MN-D07", "the driver does not start", evidence,
              "look at nvidia-smi and dmesg; /dev/nvidia-uvm must be there and writable");
}

int attribute(cudaDeviceAttr which, int ordinal) {
  int value = 0;
  return cudaDeviceGetAttribute(&value, which, ordinal) == cudaSuccess ? value : 0;
}

std::string capability_text(int capability) { return cat(capability / 10, ".", capability % 10); }

}  // namespace

Found find_device(const PluginOptions& options) {
  int driver = 0;
  int runtime = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
  if (cudaRuntimeGetVersion(&runtime) != cudaSuccess) runtime = 0;
  int count = 0;
  if (const auto error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    no_devices("cudaGetDeviceCount", error, driver, runtime);
  }
  const int ordinal = options.ordinal;
  if (ordinal >= count) {
    unavailable("MN-D03", cat("there is no GPU number ", ordinal),
                cat("CUDA shows ", count, count == 1 ? " GPU: cuda:0" : " GPUs, from cuda:0 on"),
                {});
  }
  if (const auto error = cudaSetDevice(ordinal); error != cudaSuccess) {
    no_devices("cudaSetDevice", error, driver, runtime);
  }
  cudaDeviceProp properties{};
  if (const auto error = cudaGetDeviceProperties(&properties, ordinal); error != cudaSuccess) {
    no_devices("cudaGetDeviceProperties", error, driver, runtime);
  }
  const char* name = properties.name;
  Found found{.name = name, .description = {}, .capability = 0};
  found.capability = 10 * attribute(cudaDevAttrComputeCapabilityMajor, ordinal) +
                     attribute(cudaDevAttrComputeCapabilityMinor, ordinal);
  const std::string which =
      cat(name, " (compute capability ", capability_text(found.capability), ")");
  if (found.capability < kLeastCapability) {
    unavailable("MN-D10", cat(which, " is not supported"),
                cat("this build needs compute capability ", capability_text(kLeastCapability)),
                "use another GPU, or the CPU");
  }
  if (const auto error = load_kernels(); error != cudaSuccess) {
    const bool no_code = error == cudaErrorNoKernelImageForDevice ||
                         error == cudaErrorUnsupportedPtxVersion ||
                         error == cudaErrorJitCompilerNotFound;
    unavailable(no_code ? "MN-D11" : "MN-D07",
                no_code ? cat("this build has no code for ", which)
                        : cat(which, " does not load minnow's kernels"),
                answer("cudaFuncGetAttributes", error),
                no_code ? "build minnow for it: -DCMAKE_CUDA_ARCHITECTURES=native" : "");
  }
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  if (const auto error = cudaMemGetInfo(&free_bytes, &total_bytes); error != cudaSuccess) {
    no_devices("cudaMemGetInfo", error, driver, runtime);
  }
  found.description =
      cat(name, ", ", format_bytes(static_cast<std::int64_t>(free_bytes)), " of ",
          format_bytes(static_cast<std::int64_t>(total_bytes)), " free, driver for CUDA ",
          version_text(driver), ", runtime ", version_text(runtime));
  return found;
}

}  // namespace minnow::cuda
