#include <minnow/plugin.h>

#include <minnow/base/text.h>

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#ifdef MINNOW_CUDNN
#include <cudnn_version.h>
#endif

#include "cuda_backend.h"

namespace {

std::shared_ptr<minnow::Backend> open_device(const minnow::PluginOptions& options) {
  return std::make_shared<minnow::cuda::CudaBackend>(options);
}

using minnow::cat;

std::span<const minnow::LibraryVersion> built_against() {
  static const std::string cudart = cat(CUDART_VERSION / 1000, ".", CUDART_VERSION % 1000 / 10);
  static const std::string cublaslt =
      cat(CUBLAS_VER_MAJOR, ".", CUBLAS_VER_MINOR, ".", CUBLAS_VER_PATCH);
#ifdef MINNOW_CUDNN
  static const std::string cudnn = cat(CUDNN_MAJOR, ".", CUDNN_MINOR, ".", CUDNN_PATCHLEVEL);
#endif
  static const minnow::LibraryVersion libraries[] = {
      {"cudart", cudart.c_str()},
      {"cublasLt", cublaslt.c_str()},
#ifdef MINNOW_CUDNN
      {"cudnn", cudnn.c_str()},
#endif
  };
  return libraries;
}

}  // namespace

extern "C" MINNOW_PLUGIN_EXPORT const minnow::Plugin* minnow_plugin() {
  static const minnow::Plugin plugin{
      .abi = minnow::kPluginAbi, .open = open_device, .built = built_against()};
  return &plugin;
}
