#pragma once

// cuDNN, for the softmax of predictions. Optional: minnow's own kernels do everything.

#include <cudnn.h>

#include <memory>
#include <string>

#include "kernels/kernels.h"
#include "library.h"

namespace minnow::cuda {

class Cudnn {
 public:
  /// Opens the sub-libraries first: cuDNN itself aborts the process when one is missing. Then
  /// compares versions. @throws CallFailure.
  explicit Cudnn(cudaStream_t stream);
  ~Cudnn();
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;

  std::string version() const;

  /// Softmax along rows of float32, with its descriptors.
  class Softmax {
   public:
    /// @throws CallFailure.
    Softmax(const Cudnn& cudnn, const Matrix& x, const Matrix& y);
    void run(cudaStream_t stream) const;

   private:
    using Descriptor = std::unique_ptr<cudnnTensorStruct, decltype(&cudnnDestroyTensorDescriptor)>;
    Descriptor describe(const Matrix& matrix) const;

    const Cudnn* cudnn_;
    Matrix x_;
    Matrix y_;
    Descriptor x_descriptor_;
    Descriptor y_descriptor_;
  };

 private:
  void check(cudnnStatus_t status, const char* call) const;

  Library graph_;
  Library ops_;
  Library library_;
  decltype(&cudnnCreate) create_;
  decltype(&cudnnDestroy) destroy_;
  decltype(&cudnnSetStream) set_stream_;
  decltype(&cudnnGetVersion) get_version_;
  decltype(&cudnnGraphVersionCheck) graph_check_;
  decltype(&cudnnOpsVersionCheck) ops_check_;
  decltype(&cudnnGetErrorString) error_string_;
  decltype(&cudnnGetLastErrorString) last_error_;
  decltype(&cudnnCreateTensorDescriptor) tensor_create_;
  decltype(&cudnnDestroyTensorDescriptor) tensor_destroy_;
  decltype(&cudnnSetTensor4dDescriptorEx) tensor_set_;
  decltype(&cudnnSoftmaxForward) softmax_;
  cudnnHandle_t handle_ = nullptr;
};

}  // namespace minnow::cuda
