#pragma once

// The fake cuDNN's objects behind the opaque handles. libcudnn_graph and libcudnn_ops have a part
// of the entry points each, libcudnn.so.9 has all of them, as in the real distribution.

#include <cudnn.h>

#include <array>

#include "state.h"

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

struct cudnnTensorStruct {
  bool set = false;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::array<int, 4> size{};  // n, c, h, w
  std::array<int, 4> stride{};
};

namespace fakecuda::dnn {

inline constexpr const char* kHandle = "cuDNN handle";
inline constexpr const char* kTensor = "cuDNN tensor descriptor";

// Keeps the text for cudnnGetLastErrorString.
inline cudnnStatus_t fail(cudnnStatus_t status, const char* why) {
  state().dnn_message = why;
  return status;
}

inline cudnnStatus_t refusal(const Entry& entry) {
  return static_cast<cudnnStatus_t>(entry.code());
}

}  // namespace fakecuda::dnn
