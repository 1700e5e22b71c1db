// Registration of kernels by nvcc's host code, and their launch.

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <utility>

#include "kernel_registry.h"
#include "state.h"
#include "stream.h"

// What a cudaKernel_t points to: a kernel of a module that is loaded.
struct CUkern_st {
  std::string mangled;
  std::string demangled;
  void** module = nullptr;
  int dynamic_shared = 48 << 10;  // what may be asked for without an attribute
};

namespace fakecuda {
namespace {

constexpr int kMaxDynamicShared = 227 << 10;

struct Registry {
  std::vector<KernelBody> bodies;
  std::unordered_map<std::string, KernelBody> by_name;
  std::size_t named = 0;
  std::unordered_map<const void*, std::unique_ptr<CUkern_st>> kernels;  // by host function
  std::vector<std::unique_ptr<void*>> modules;
};

Registry& registry() {
  static Registry* const instance = new Registry;
  return *instance;
}

// Names are looked up late: while a library's statics are built its symbols cannot be asked for.
void name_bodies() {
  Registry& all = registry();
  for (; all.named < all.bodies.size(); ++all.named) {
    const KernelBody& body = all.bodies[all.named];
    Dl_info info{};
    if (dladdr(body.address, &info) == 0 || info.dli_saddr != body.address) {
      complain("a kernel body has no exported symbol; is it static or in an unnamed namespace?");
      std::abort();
    }
    all.by_name[info.dli_sname] = body;
  }
}

struct CallConfiguration {
  dim3 grid;
  dim3 block;
  std::size_t shared = 0;
  cudaStream_t stream = nullptr;
};
thread_local std::vector<CallConfiguration> configurations;

cudaError_t check_shape(const CUkern_st& kernel, dim3 grid, dim3 block, std::size_t shared) {
  constexpr unsigned kMaxGridX = 0x7FFFFFFF;
  constexpr unsigned kMaxGridYz = 65535;
  constexpr unsigned kMaxBlock = 1024;
  constexpr unsigned kMaxBlockZ = 64;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || block.x == 0 || block.y == 0 || block.z == 0 ||
      grid.x > kMaxGridX || grid.y > kMaxGridYz || grid.z > kMaxGridYz || block.x > kMaxBlock ||
      block.y > kMaxBlock || block.z > kMaxBlockZ || block.x * block.y * block.z > kMaxBlock) {
    return cudaErrorInvalidConfiguration;
  }
  return shared > static_cast<std::size_t>(kernel.dynamic_shared) ? cudaErrorInvalidValue
                                                                  : cudaSuccess;
}

cudaError_t launch(CUkern_st* kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared,
                   cudaStream_t handle) {
  if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
  CUstream_st* const stream = find_stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (const cudaError_t wrong = check_shape(*kernel, grid, block, shared); wrong != cudaSuccess) {
    return wrong;
  }
  const KernelBody* const body = find_kernel(kernel->mangled);
  if (body == nullptr) {
    complain("no MINNOW_FAKE_KERNEL line for " + kernel->demangled + " (" + kernel->mangled + ")");
    return cudaErrorNoKernelImageForDevice;
  }
  auto task = std::make_shared<Task>();
  task->what = "kernel " + kernel->demangled;
  task->type = cudaGraphNodeTypeKernel;
  task->kernel = kernel->mangled;
  task->run = [bound = body->bind(arguments), grid, block, shared] {
    run_grid(bound, grid, block, shared);
  };
  return submit(stream, std::move(task));
}

CUkern_st* find_registered(const void* host_function) {
  const auto found = registry().kernels.find(host_function);
  return found == registry().kernels.end() ? nullptr : found->second.get();
}

}  // namespace

void register_kernel(KernelBody body) {
  const std::lock_guard lock(state().mutex);
  registry().bodies.push_back(body);
}

const KernelBody* find_kernel(const std::string& mangled) {
  name_bodies();
  const auto found = registry().by_name.find(mangled);
  return found == registry().by_name.end() ? nullptr : &found->second;
}

}  // namespace fakecuda

using fakecuda::answer;
using fakecuda::Entry;
using fakecuda::state;

extern "C" {

void** __cudaRegisterFatBinary(void*) {
  const std::lock_guard lock(state().mutex);
  fakecuda::registry().modules.push_back(std::make_unique<void*>(nullptr));
  return fakecuda::registry().modules.back().get();
}

void __cudaRegisterFatBinaryEnd(void**) {}

void __cudaUnregisterFatBinary(void** module) {
  const std::lock_guard lock(state().mutex);
  std::erase_if(fakecuda::registry().kernels,
                [module](const auto& entry) { return entry.second->module == module; });
}

void __cudaRegisterFunction(void** module, const char* host_function, char*,
                            const char* device_name, int, uint3*, uint3*, dim3*, dim3*, int*) {
  const std::lock_guard lock(state().mutex);
  auto kernel = std::make_unique<CUkern_st>();
  kernel->mangled = device_name;
  kernel->demangled = fakecuda::demangle(device_name);
  kernel->module = module;
  fakecuda::registry().kernels[host_function] = std::move(kernel);
}

void __cudaRegisterVar(void**, char*, char*, const char*, int, std::size_t, int, int) {}

char __cudaInitModule(void**) { return 1; }

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared,
                                     CUstream_st* stream) {
  fakecuda::configurations.push_back({grid, block, shared, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared, void* stream) {
  if (fakecuda::configurations.empty()) return cudaErrorMissingConfiguration;
  const fakecuda::CallConfiguration top = fakecuda::configurations.back();
  fakecuda::configurations.pop_back();
  *grid = top.grid;
  *block = top.block;
  *shared = top.shared;
  std::memcpy(stream, &top.stream, sizeof(top.stream));
  return cudaSuccess;
}

// nvcc keeps the answer in a static of the launch stub, so this is never made to fail.
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host_function) {
  const std::lock_guard lock(state().mutex);
  *kernel = fakecuda::find_registered(host_function);
  return *kernel == nullptr ? cudaErrorInvalidDeviceFunction : cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments,
                               std::size_t shared, cudaStream_t stream) {
  const Entry entry("cudaLaunchKernel");
  if (!entry) return entry.refuse();
  return answer(fakecuda::launch(kernel, grid, block, arguments, shared, stream));
}

cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                             std::size_t shared, cudaStream_t stream) {
  const Entry entry("cudaLaunchKernel");
  if (!entry) return entry.refuse();
  return answer(fakecuda::launch(fakecuda::find_registered(function), grid, block, arguments,
                                 shared, stream));
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  const Entry entry("cudaFuncSetAttribute");
  if (!entry) return entry.refuse();
  CUkern_st* const kernel = fakecuda::find_registered(function);
  if (kernel == nullptr) return answer(cudaErrorInvalidDeviceFunction);
  if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
      value > fakecuda::kMaxDynamicShared) {
    return answer(cudaErrorInvalidValue);
  }
  kernel->dynamic_shared = value;
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  const Entry entry("cudaFuncGetAttributes");
  if (!entry) return entry.refuse();
  const CUkern_st* const kernel = fakecuda::find_registered(function);
  if (kernel == nullptr) return answer(cudaErrorInvalidDeviceFunction);
  if (attributes == nullptr) return answer(cudaErrorInvalidValue);
  *attributes = {};
  attributes->maxThreadsPerBlock = 1024;
  attributes->numRegs = 32;
  attributes->ptxVersion = attributes->binaryVersion = state().settings.cc;
  attributes->maxDynamicSharedSizeBytes = kernel->dynamic_shared;
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks,
                                                                   const void* function,
                                                                   int block_size,
                                                                   std::size_t shared, unsigned) {
  const Entry entry("cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  if (!entry) return entry.refuse();
  if (fakecuda::find_registered(function) == nullptr) return answer(cudaErrorInvalidDeviceFunction);
  if (blocks == nullptr || block_size <= 0) return answer(cudaErrorInvalidValue);
  constexpr int kThreads = 2048;
  constexpr int kBlocks = 32;
  *blocks = block_size > 1024 ? 0 : std::min(kThreads / block_size, kBlocks);
  if (shared > 0) {
    *blocks = std::min(*blocks, static_cast<int>((std::size_t{228} << 10U) / shared));
  }
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function,
                                                          int block_size, std::size_t shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, block_size,
                                                                shared, 0);
}

}  // extern "C"
