#include "cudnn_library.h"

#include <minnow/base/text.h>

#include "call.h"

namespace minnow::cuda {

Cudnn::Cudnn(cudaStream_t stream)
    : graph_(cat("libcudnn_graph.so.", CUDNN_MAJOR)),
      ops_(cat("libcudnn_ops.so.", CUDNN_MAJOR)),
      library_(cat("libcudnn.so.", CUDNN_MAJOR)),
      calls_(library_) {
  library_.bind(create_, "cudnnCreate");
  library_.bind(destroy_, "cudnnDestroy");
  library_.bind(set_stream_, "cudnnSetStream");
  library_.bind(get_version_, "cudnnGetVersion");
  library_.bind(graph_check_, "cudnnGraphVersionCheck");
  library_.bind(ops_check_, "cudnnOpsVersionCheck");
  library_.bind(tensor_create_, "cudnnCreateTensorDescriptor");
  library_.bind(tensor_destroy_, "cudnnDestroyTensorDescriptor");
  library_.bind(tensor_set_, "cudnnSetTensor4dDescriptorEx");
  library_.bind(softmax_, "cudnnSoftmaxForward");
  check(graph_check_(), "cudnnGraphVersionCheck");
  check(ops_check_(), "cudnnOpsVersionCheck");
  const auto found = static_cast<std::int64_t>(get_version_());
  // The same major, and a minor that is not older.
  if (found / 10000 != CUDNN_MAJOR || found / 100 < CUDNN_VERSION / 100) {
    throw CallFailure{.kind = CallFailure::Kind::missing,
                      .call = "cudnnGetVersion",
                      .status = cat("cuDNN ", version(), " was found, this build needs ",
                                    CUDNN_MAJOR, ".", CUDNN_MINOR, " or newer")};
  }
  check(create_(&handle_), "cudnnCreate");
  if (const auto status = set_stream_(handle_, stream); status != CUDNN_STATUS_SUCCESS) {
    static_cast<void>(destroy_(handle_));
    check(status, "cudnnSetStream");
  }
}

Cudnn::~Cudnn() {
  if (handle_ != nullptr) static_cast<void>(destroy_(handle_));
}

std::string Cudnn::version() const {
  const auto version = static_cast<std::int64_t>(get_version_());
  return cat(version / 10000, ".", version % 10000 / 100, ".", version % 100);
}

void Cudnn::use(cudaStream_t stream) const {
  check(set_stream_(handle_, stream), "cudnnSetStream");
}

Cudnn::Softmax::Softmax(const Cudnn& cudnn, const Matrix& x, const Matrix& y)
    : cudnn_(&cudnn), x_(x), y_(y), x_descriptor_(describe(x)), y_descriptor_(describe(y)) {}

Cudnn::Softmax::Descriptor Cudnn::Softmax::describe(const Matrix& matrix) const {
  cudnnTensorDescriptor_t made = nullptr;
  cudnn_->check(cudnn_->tensor_create_(&made), "cudnnCreateTensorDescriptor");
  Descriptor descriptor(made, cudnn_->tensor_destroy_);
  const auto stride = static_cast<int>(matrix.stride);
  cudnn_->check(cudnn_->tensor_set_(made, CUDNN_DATA_FLOAT, static_cast<int>(matrix.rows),
                                    static_cast<int>(matrix.cols), 1, 1, stride, 1, 1, 1),
                "cudnnSetTensor4dDescriptorEx");
  return descriptor;
}

void Cudnn::Softmax::run(cudaStream_t stream) const {
  constexpr float kOne = 1.0F;
  constexpr float kZero = 0.0F;
  cudnn_->use(stream);
  cudnn_->check(
      cudnn_->softmax_(cudnn_->handle_, CUDNN_SOFTMAX_ACCURATE, CUDNN_SOFTMAX_MODE_INSTANCE, &kOne,
                       x_descriptor_.get(), x_.data, &kZero, y_descriptor_.get(), y_.data),
      "cudnnSoftmaxForward");
}

}  // namespace minnow::cuda
