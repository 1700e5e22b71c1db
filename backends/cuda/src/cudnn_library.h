#pragma once

// cuDNN, for the softmax of predictions and as a candidate for products (dnn_product.h). Optional:
// minnow's own kernels and cuBLASLt do everything.

#include <cudnn.h>

#include <memory>
#include <string>

#include "dnn_descriptor.h"
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
  const DnnCalls& calls() const noexcept { return calls_; }
  cudnnHandle_t handle() const noexcept { return handle_; }
  /// What the handle runs from now on, it runs on this stream. @throws CallFailure.
  void use(cudaStream_t stream) const;

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
  void check(cudnnStatus_t status, const char* call) const { calls_.check(status, call); }

  Library graph_;
  Library ops_;
  Library library_;
  DnnCalls calls_;
  decltype(&cudnnCreate) create_;
  decltype(&cudnnDestroy) destroy_;
  decltype(&cudnnSetStream) set_stream_;
  decltype(&cudnnGetVersion) get_version_;
  decltype(&cudnnGraphVersionCheck) graph_check_;
  decltype(&cudnnOpsVersionCheck) ops_check_;
  decltype(&cudnnCreateTensorDescriptor) tensor_create_;
  decltype(&cudnnDestroyTensorDescriptor) tensor_destroy_;
  decltype(&cudnnSetTensor4dDescriptorEx) tensor_set_;
  decltype(&cudnnSoftmaxForward) softmax_;
  cudnnHandle_t handle_ = nullptr;
};

}  // namespace minnow::cuda
