// Devices, versions and error texts.

#include <algorithm>
#include <iterator>

#include "state.h"

namespace fakecuda {
namespace {

struct ErrorText {
  int code;
  const char* name;
  const char* text;
};

constexpr ErrorText kErrors[] = {
#include "error_texts.inc"
};

const ErrorText* find_error(int code) {
  const auto* const found = std::find_if(std::begin(kErrors), std::end(kErrors),
                                         [code](const ErrorText& row) { return row.code == code; });
  return found == std::end(kErrors) ? nullptr : found;
}

constexpr int kRegisters = 65536;
constexpr int kThreadsPerSm = 2048;
constexpr int kBlocksPerSm = 32;
constexpr int kThreadsPerBlock = 1024;
constexpr int kSharedPerBlock = 48 << 10;
constexpr int kSharedOptIn = 227 << 10;
constexpr int kSharedPerSm = 228 << 10;
constexpr int kL2Bytes = 4 << 20;

cudaError_t attribute(cudaDeviceAttr which, int& value) {
  const Settings& settings = state().settings;
  constexpr int kGridX = 0x7FFFFFFF;
  constexpr int kGridYz = 65535;
  constexpr int kKilohertz = 1000000;
  switch (which) {
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      value = kThreadsPerBlock;
      break;
    case cudaDevAttrMaxBlockDimZ:
      value = 64;
      break;
    case cudaDevAttrMaxGridDimX:
      value = kGridX;
      break;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      value = kGridYz;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      value = kSharedPerBlock;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      value = kSharedOptIn;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      value = kSharedPerSm;
      break;
    case cudaDevAttrWarpSize:
      value = 32;
      break;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      value = kRegisters;
      break;
    case cudaDevAttrClockRate:
    case cudaDevAttrMemoryClockRate:
      value = kKilohertz;
      break;
    case cudaDevAttrGlobalMemoryBusWidth:
      value = 256;
      break;
    case cudaDevAttrMultiProcessorCount:
      value = settings.sms;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      value = kThreadsPerSm;
      break;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      value = kBlocksPerSm;
      break;
    case cudaDevAttrL2CacheSize:
      value = kL2Bytes;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      value = settings.cc / 10;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      value = settings.cc % 10;
      break;
    case cudaDevAttrConcurrentKernels:
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrAsyncEngineCount:
      value = 1;
      break;
    case cudaDevAttrIntegrated:
    case cudaDevAttrEccEnabled:
    case cudaDevAttrComputeMode:
    case cudaDevAttrKernelExecTimeout:
    case cudaDevAttrManagedMemory:
    case cudaDevAttrPageableMemoryAccess:
    case cudaDevAttrCooperativeLaunch:
    case cudaDevAttrPciBusId:
    case cudaDevAttrPciDeviceId:
    case cudaDevAttrPciDomainId:
      value = 0;
      break;
    case cudaDevAttrMemoryPoolsSupported:
      value = settings.pools;
      break;
    default:
      complain("cudaDeviceGetAttribute " + std::to_string(which) + " is not modelled");
      return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

void describe(cudaDeviceProp& properties) {
  const Settings& settings = state().settings;
  properties = {};
  constexpr std::string_view kName = "fake CUDA device";
  std::copy(kName.begin(), kName.end(), properties.name);
  properties.major = settings.cc / 10;
  properties.minor = settings.cc % 10;
  properties.totalGlobalMem = settings.memory;
  properties.multiProcessorCount = settings.sms;
  properties.warpSize = 32;
  properties.maxThreadsPerBlock = kThreadsPerBlock;
  properties.maxThreadsPerMultiProcessor = kThreadsPerSm;
  properties.maxBlocksPerMultiProcessor = kBlocksPerSm;
  properties.regsPerBlock = kRegisters;
  properties.regsPerMultiprocessor = kRegisters;
  properties.sharedMemPerBlock = kSharedPerBlock;
  properties.sharedMemPerBlockOptin = kSharedOptIn;
  properties.sharedMemPerMultiprocessor = kSharedPerSm;
  properties.l2CacheSize = kL2Bytes;
  properties.maxThreadsDim[0] = properties.maxThreadsDim[1] = kThreadsPerBlock;
  properties.maxThreadsDim[2] = 64;
  properties.maxGridSize[0] = 0x7FFFFFFF;
  properties.maxGridSize[1] = properties.maxGridSize[2] = 65535;
  properties.concurrentKernels = 1;
  properties.unifiedAddressing = 1;
  properties.memoryPoolsSupported = settings.pools;
  properties.memoryBusWidth = 256;
}

bool is_device(int device) { return device >= 0 && device < state().settings.devices; }

thread_local int current_device = 0;

}  // namespace
}  // namespace fakecuda

using fakecuda::answer;
using fakecuda::Entry;
using fakecuda::state;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  const Entry entry("cudaGetDeviceCount");
  if (!entry) return entry.refuse();
  if (count == nullptr) return answer(cudaErrorInvalidValue);
  *count = state().settings.devices;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  const Entry entry("cudaSetDevice");
  if (!entry) return entry.refuse();
  if (!fakecuda::is_device(device)) return answer(cudaErrorInvalidDevice);
  fakecuda::current_device = device;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  const Entry entry("cudaGetDevice");
  if (!entry) return entry.refuse();
  if (device == nullptr) return answer(cudaErrorInvalidValue);
  *device = fakecuda::current_device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  const Entry entry("cudaGetDeviceProperties");
  if (!entry) return entry.refuse();
  if (properties == nullptr) return answer(cudaErrorInvalidValue);
  if (!fakecuda::is_device(device)) return answer(cudaErrorInvalidDevice);
  fakecuda::describe(*properties);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int device) {
  const Entry entry("cudaDeviceGetAttribute");
  if (!entry) return entry.refuse();
  if (value == nullptr) return answer(cudaErrorInvalidValue);
  if (!fakecuda::is_device(device)) return answer(cudaErrorInvalidDevice);
  return answer(fakecuda::attribute(which, *value));
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  const Entry entry("cudaRuntimeGetVersion");
  if (!entry) return entry.refuse();
  if (version == nullptr) return answer(cudaErrorInvalidValue);
  *version = state().settings.runtime;
  return cudaSuccess;
}

// 0 where there is no driver, with success: as the real one.
cudaError_t cudaDriverGetVersion(int* version) {
  const Entry entry("cudaDriverGetVersion");
  if (!entry) return entry.refuse();
  if (version == nullptr) return answer(cudaErrorInvalidValue);
  *version = state().enabled ? state().settings.driver : 0;
  return cudaSuccess;
}

const char* cudaGetErrorName(cudaError_t code) {
  const auto* const found = fakecuda::find_error(code);
  return found == nullptr ? "unrecognized error code" : found->name;
}

const char* cudaGetErrorString(cudaError_t code) {
  const auto* const found = fakecuda::find_error(code);
  return found == nullptr ? "unrecognized error code" : found->text;
}

cudaError_t cudaGetLastError() {
  const Entry entry("cudaGetLastError");
  const cudaError_t error = fakecuda::last_error();
  fakecuda::clear_last_error();
  return error;
}

cudaError_t cudaPeekAtLastError() {
  const Entry entry("cudaPeekAtLastError");
  return fakecuda::last_error();
}

}  // extern "C"
