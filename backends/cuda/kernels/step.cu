// The end of a step without an update, and the list of all kernels.

#include "device.cuh"

namespace minnow::cuda {

__global__ void finish_step(StepEnd end) { note_outcome(end); }
MINNOW_KERNEL(finish_step);

#ifdef __CUDACC__
cudaError_t launch_finish_step(const StepEnd& end, cudaStream_t stream) {
  finish_step<<<1, 1, 0, stream>>>(end);
  return cudaGetLastError();
}

cudaError_t load_kernels() {
  for (const KernelEntry* entry = KernelEntry::first; entry != nullptr; entry = entry->next) {
    cudaFuncAttributes attributes{};
    const cudaError_t error = cudaFuncGetAttributes(&attributes, entry->function);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}
#endif

}  // namespace minnow::cuda
