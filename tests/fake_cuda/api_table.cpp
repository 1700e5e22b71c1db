// Every entry point that the fake counts. A row says what kind of call it is, the code that a fault
// written as `auto` gives, and the answer after a sticky error when that is not CUDA's own code.

#include <algorithm>
#include <iterator>

#include "state.h"

namespace fakecuda {
namespace {

constexpr Library kRt = Library::kRuntime;
constexpr Library kLt = Library::kLt;
constexpr Library kDnn = Library::kDnn;
constexpr ApiKind kPlain = ApiKind::kPlain;
constexpr ApiKind kHost = ApiKind::kHost;
constexpr ApiKind kCall = ApiKind::kCall;
constexpr ApiKind kRelease = ApiKind::kRelease;

constexpr int kOutOfMemory = cudaErrorMemoryAllocation;
constexpr int kUnknown = cudaErrorUnknown;
constexpr int kLaunchFailure = cudaErrorLaunchFailure;

constexpr Api kApis[] = {
    {"cudaDeviceGetAttribute", kRt, kCall, kUnknown, 0},
    {"cudaDeviceSynchronize", kRt, kCall, kLaunchFailure, 0},
    {"cudaDriverGetVersion", kRt, kPlain, kUnknown, 0},
    {"cudaEventCreate", kRt, kCall, kOutOfMemory, 0},
    {"cudaEventCreateWithFlags", kRt, kCall, kOutOfMemory, 0},
    {"cudaEventDestroy", kRt, kRelease, kUnknown, 0},
    {"cudaEventElapsedTime", kRt, kCall, kUnknown, 0},
    {"cudaEventQuery", kRt, kCall, kLaunchFailure, 0},
    {"cudaEventRecord", kRt, kCall, kUnknown, 0},
    {"cudaEventSynchronize", kRt, kCall, kLaunchFailure, 0},
    {"cudaFree", kRt, kRelease, kUnknown, 0},
    {"cudaFreeHost", kRt, kRelease, kUnknown, 0},
    {"cudaFuncGetAttributes", kRt, kCall, kUnknown, 0},
    {"cudaFuncSetAttribute", kRt, kCall, kUnknown, 0},
    {"cudaGetDevice", kRt, kCall, kUnknown, 0},
    {"cudaGetDeviceCount", kRt, kCall, kUnknown, 0},
    {"cudaGetDeviceProperties", kRt, kCall, kUnknown, 0},
    {"cudaGetLastError", kRt, kPlain, kUnknown, 0},
    {"cudaGraphDestroy", kRt, kRelease, kUnknown, 0},
    {"cudaGraphExecDestroy", kRt, kRelease, kUnknown, 0},
    {"cudaGraphGetNodes", kRt, kCall, kUnknown, 0},
    {"cudaGraphInstantiate", kRt, kCall, kOutOfMemory, 0},
    {"cudaGraphLaunch", kRt, kCall, kUnknown, 0},
    {"cudaGraphNodeGetType", kRt, kCall, kUnknown, 0},
    {"cudaGraphUpload", kRt, kCall, kOutOfMemory, 0},
    {"cudaHostAlloc", kRt, kCall, kOutOfMemory, 0},
    {"cudaLaunchKernel", kRt, kCall, kLaunchFailure, 0},
    {"cudaMalloc", kRt, kCall, kOutOfMemory, 0},
    {"cudaMallocHost", kRt, kCall, kOutOfMemory, 0},
    {"cudaMemGetInfo", kRt, kCall, kUnknown, 0},
    {"cudaMemcpy", kRt, kCall, kUnknown, 0},
    {"cudaMemcpy2DAsync", kRt, kCall, kUnknown, 0},
    {"cudaMemcpyAsync", kRt, kCall, kUnknown, 0},
    {"cudaMemset", kRt, kCall, kUnknown, 0},
    {"cudaMemsetAsync", kRt, kCall, kUnknown, 0},
    {"cudaOccupancyMaxActiveBlocksPerMultiprocessor", kRt, kCall, kUnknown, 0},
    {"cudaPeekAtLastError", kRt, kPlain, kUnknown, 0},
    {"cudaRuntimeGetVersion", kRt, kPlain, kUnknown, 0},
    {"cudaSetDevice", kRt, kCall, kUnknown, 0},
    {"cudaStreamBeginCapture", kRt, kCall, kUnknown, 0},
    {"cudaStreamCreate", kRt, kCall, kOutOfMemory, 0},
    {"cudaStreamCreateWithFlags", kRt, kCall, kOutOfMemory, 0},
    {"cudaStreamDestroy", kRt, kRelease, kUnknown, 0},
    {"cudaStreamEndCapture", kRt, kCall, kUnknown, 0},
    {"cudaStreamIsCapturing", kRt, kCall, kUnknown, 0},
    {"cudaStreamQuery", kRt, kCall, kLaunchFailure, 0},
    {"cudaStreamSynchronize", kRt, kCall, kLaunchFailure, 0},
    {"cudaStreamWaitEvent", kRt, kCall, kUnknown, 0},

    // 1 NOT_INITIALIZED, 3 ALLOC_FAILED, 7 INVALID_VALUE, 13 EXECUTION_FAILED, 14 INTERNAL_ERROR
    {"cublasLtCreate", kLt, kCall, 3, 1},
    {"cublasLtDestroy", kLt, kRelease, 14, 0},
    {"cublasLtMatmul", kLt, kCall, 14, 13},
    {"cublasLtMatmulAlgoCapGetAttribute", kLt, kHost, 14, 0},
    {"cublasLtMatmulAlgoConfigGetAttribute", kLt, kHost, 14, 0},
    {"cublasLtMatmulAlgoGetHeuristic", kLt, kCall, 14, 14},
    {"cublasLtMatmulDescCreate", kLt, kHost, 3, 0},
    {"cublasLtMatmulDescDestroy", kLt, kRelease, 14, 0},
    {"cublasLtMatmulDescSetAttribute", kLt, kHost, 14, 0},
    {"cublasLtMatmulPreferenceCreate", kLt, kHost, 3, 0},
    {"cublasLtMatmulPreferenceDestroy", kLt, kRelease, 14, 0},
    {"cublasLtMatmulPreferenceSetAttribute", kLt, kHost, 14, 0},
    {"cublasLtMatrixLayoutCreate", kLt, kHost, 3, 0},
    {"cublasLtMatrixLayoutDestroy", kLt, kRelease, 14, 0},
    {"cublasLtMatrixLayoutSetAttribute", kLt, kHost, 14, 0},

    // 1001 NOT_INITIALIZED, 4003 HOST_ALLOCATION_FAILED, 5000 EXECUTION_FAILED, 5003 .._CUDART
    {"cudnnBackendCreateDescriptor", kDnn, kHost, 4003, 0},
    {"cudnnBackendDestroyDescriptor", kDnn, kRelease, 5000, 0},
    {"cudnnBackendExecute", kDnn, kCall, 5000, 5003},
    {"cudnnBackendFinalize", kDnn, kHost, 5000, 0},
    {"cudnnBackendGetAttribute", kDnn, kHost, 5000, 0},
    {"cudnnBackendSetAttribute", kDnn, kHost, 5000, 0},
    {"cudnnCreate", kDnn, kCall, 5000, 1001},
    {"cudnnCreateTensorDescriptor", kDnn, kHost, 4003, 0},
    {"cudnnDestroy", kDnn, kRelease, 5000, 0},
    {"cudnnDestroyTensorDescriptor", kDnn, kRelease, 5000, 0},
    {"cudnnGraphVersionCheck", kDnn, kHost, 1002, 0},
    {"cudnnOpsVersionCheck", kDnn, kHost, 1002, 0},
    {"cudnnSetStream", kDnn, kCall, 5000, 5003},
    {"cudnnSetTensor4dDescriptor", kDnn, kHost, 5000, 0},
    {"cudnnSetTensor4dDescriptorEx", kDnn, kHost, 5000, 0},
    {"cudnnSoftmaxForward", kDnn, kCall, 5000, 5003},
};

}  // namespace

const Api* find_api(const std::string& name) {
  const auto* const found = std::find_if(std::begin(kApis), std::end(kApis),
                                         [&](const Api& api) { return name == api.name; });
  return found == std::end(kApis) ? nullptr : found;
}

}  // namespace fakecuda
