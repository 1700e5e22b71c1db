#include "call.h"

#include <minnow/base/text.h>

#include <algorithm>
#include <iterator>

namespace minnow::cuda {

bool is_lost(cudaError_t error) noexcept {
  constexpr cudaError_t kLost[] = {cudaErrorECCUncorrectable,
                                   cudaErrorNvlinkUncorrectable,
                                   cudaErrorIllegalAddress,
                                   cudaErrorLaunchTimeout,
                                   cudaErrorAssert,
                                   cudaErrorHardwareStackError,
                                   cudaErrorIllegalInstruction,
                                   cudaErrorMisalignedAddress,
                                   cudaErrorInvalidAddressSpace,
                                   cudaErrorInvalidPc,
                                   cudaErrorLaunchFailure,
                                   cudaErrorMpsClientTerminated,
                                   cudaErrorExternalDevice,
                                   cudaErrorUnknown,
                                   static_cast<cudaError_t>(226),   // CUDA 12.8: contained error
                                   static_cast<cudaError_t>(721)};  // CUDA 12.8: tensor memory leak
  return std::find(std::begin(kLost), std::end(kLost), error) != std::end(kLost);
}

std::string text_of(cudaError_t error) {
  return cat(static_cast<int>(error), " ", cudaGetErrorName(error), " (", cudaGetErrorString(error),
             ")");
}

void check(cudaError_t error, const char* call, std::int64_t bytes) {
  if (error == cudaSuccess) return;
  // An error that is not for good would be reported again by the next call that asks.
  static_cast<void>(cudaGetLastError());
  const auto kind = is_lost(error)                       ? CallFailure::Kind::lost
                    : error == cudaErrorMemoryAllocation ? CallFailure::Kind::out_of_memory
                                                         : CallFailure::Kind::refused;
  throw CallFailure{
      .kind = kind,
      .call = bytes > 0 ? cat(call, "(", bytes, ")") : call,
      .status = text_of(error),
      .bytes = bytes,
      .hardware = error == cudaErrorECCUncorrectable || error == cudaErrorNvlinkUncorrectable};
}

}  // namespace minnow::cuda
