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

const char* cudart_version() {
  static const std::string text = cat(CUDART_VERSION / 1000, ".", CUDART_VERSION % 1000 / 10);
  return text.c_str();
}

const char* cublaslt_version() {
  static const std::string text =
      cat(CUBLAS_VER_MAJOR, ".", CUBLAS_VER_MINOR, ".", CUBLAS_VER_PATCH);
  return text.c_str();
}

const char* cudnn_version() {
#ifdef MINNOW_CUDNN
  static const std::string text = cat(CUDNN_MAJOR, ".", CUDNN_MINOR, ".", CUDNN_PATCHLEVEL);
  return text.c_str();
#else
  return "";
#endif
}

}  // namespace

extern "C" MINNOW_PLUGIN_EXPORT const minnow::Plugin* minnow_plugin() {
  static const minnow::Plugin plugin{.abi = minnow::kPluginAbi,
                                     .open = open_device,
                                     .built = {.cudart = cudart_version(),
                                               .cublaslt = cublaslt_version(),
                                               .cudnn = cudnn_version(),
                                               .code = MINNOW_CUDA_CODE}};
  return &plugin;
}
