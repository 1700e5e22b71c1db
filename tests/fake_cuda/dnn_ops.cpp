// cuDNN's tensor descriptors and softmax.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include "dnn.h"
#include "stream.h"

namespace fakecuda::dnn {
namespace {

cudnnStatus_t set(cudnnTensorDescriptor_t tensor, cudnnDataType_t type, std::array<int, 4> size,
                  std::array<int, 4> stride) {
  if (!state().objects.has(tensor, kTensor)) {
    return fail(CUDNN_STATUS_BAD_PARAM, "the descriptor is not live");
  }
  if (std::any_of(size.begin(), size.end(), [](int value) { return value <= 0; })) {
    return fail(CUDNN_STATUS_BAD_PARAM, "(n <= 0) || (c <= 0) || (h <= 0) || (w <= 0)");
  }
  if (std::any_of(stride.begin(), stride.end(), [](int value) { return value <= 0; })) {
    return fail(CUDNN_STATUS_BAD_PARAM, "a stride is not positive");
  }
  *tensor = {.set = true, .type = type, .size = size, .stride = stride};
  return CUDNN_STATUS_SUCCESS;
}

std::size_t offset(const cudnnTensorStruct& tensor, const std::array<int, 4>& at) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    sum += static_cast<std::size_t>(at[i]) * static_cast<std::size_t>(tensor.stride[i]);
  }
  return sum;
}

std::size_t bytes(const cudnnTensorStruct& tensor) {
  std::array<int, 4> last = tensor.size;
  for (int& value : last) --value;
  return (offset(tensor, last) + 1) * sizeof(float);
}

struct Softmax {
  cudnnSoftmaxAlgorithm_t algorithm;
  cudnnSoftmaxMode_t mode;
  float alpha;
  float beta;
  cudnnTensorStruct x_tensor;
  const float* x;
  cudnnTensorStruct y_tensor;
  float* y;

  void run() const;
  void run_group(const std::vector<std::array<int, 4>>& group) const;
};

// One distribution: over all of a sample, or over the channels of one position.
void Softmax::run_group(const std::vector<std::array<int, 4>>& group) const {
  double largest = -INFINITY;
  for (const auto& at : group) {
    const auto value = static_cast<double>(x[offset(x_tensor, at)]);
    if (std::isnan(value) || value > largest) largest = value;
    if (std::isnan(largest)) break;
  }
  if (algorithm == CUDNN_SOFTMAX_FAST) largest = 0.0;
  std::vector<double> powers;
  double sum = 0.0;
  for (const auto& at : group) {
    powers.push_back(std::exp(static_cast<double>(x[offset(x_tensor, at)]) - largest));
    sum += powers.back();
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    const auto input = static_cast<double>(x[offset(x_tensor, group[i])]);
    double result =
        static_cast<double>(alpha) *
        (algorithm == CUDNN_SOFTMAX_LOG ? input - largest - std::log(sum) : powers[i] / sum);
    float& target = y[offset(y_tensor, group[i])];
    if (beta != 0.0F) result += static_cast<double>(beta) * static_cast<double>(target);
    target = static_cast<float>(result);
  }
}

void Softmax::run() const {
  for (const auto& [name, start, size] :
       {std::tuple{"x", static_cast<const void*>(x), bytes(x_tensor)},
        std::tuple{"y", static_cast<const void*>(y), bytes(y_tensor)}}) {
    if (const auto reason = state().arena.refuse(start, size)) {
      throw DeviceFault{cudaErrorIllegalAddress, std::string(name) + " " + *reason};
    }
  }
  const auto [samples, channels, height, width] = x_tensor.size;
  for (int n = 0; n < samples; ++n) {
    std::vector<std::array<int, 4>> group;
    for (int h = 0; h < height; ++h) {
      for (int w = 0; w < width; ++w) {
        if (mode == CUDNN_SOFTMAX_MODE_CHANNEL) group.clear();
        for (int c = 0; c < channels; ++c) group.push_back({n, c, h, w});
        if (mode == CUDNN_SOFTMAX_MODE_CHANNEL) run_group(group);
      }
    }
    if (mode == CUDNN_SOFTMAX_MODE_INSTANCE) run_group(group);
  }
}

}  // namespace
}  // namespace fakecuda::dnn

namespace dnn = fakecuda::dnn;
using fakecuda::Entry;
using fakecuda::state;

extern "C" {

cudnnStatus_t cudnnOpsVersionCheck() {
  const Entry entry("cudnnOpsVersionCheck");
  return entry ? CUDNN_STATUS_SUCCESS : dnn::refusal(entry);
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* tensor) {
  const Entry entry("cudnnCreateTensorDescriptor");
  if (!entry) return dnn::refusal(entry);
  if (tensor == nullptr) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "tensorDesc is NULL");
  }
  *tensor = new cudnnTensorStruct;
  state().objects.add(*tensor, dnn::kTensor);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensor) {
  const Entry entry("cudnnDestroyTensorDescriptor");
  const bool live = state().objects.remove(tensor, dnn::kTensor);
  if (live) delete tensor;
  if (!entry) return dnn::refusal(entry);
  if (live || tensor == nullptr) return CUDNN_STATUS_SUCCESS;
  return dnn::fail(CUDNN_STATUS_BAD_PARAM, "the descriptor is not live");
}

cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  const Entry entry("cudnnSetTensor4dDescriptor");
  if (!entry) return dnn::refusal(entry);
  if (format == CUDNN_TENSOR_NCHW) {
    return dnn::set(tensor, type, {n, c, h, w}, {c * h * w, h * w, w, 1});
  }
  if (format == CUDNN_TENSOR_NHWC) {
    return dnn::set(tensor, type, {n, c, h, w}, {c * h * w, 1, w * c, c});
  }
  return dnn::fail(CUDNN_STATUS_BAD_PARAM, "the format is not modelled");
}

cudnnStatus_t cudnnSetTensor4dDescriptorEx(cudnnTensorDescriptor_t tensor, cudnnDataType_t type,
                                           int n, int c, int h, int w, int n_stride, int c_stride,
                                           int h_stride, int w_stride) {
  const Entry entry("cudnnSetTensor4dDescriptorEx");
  if (!entry) return dnn::refusal(entry);
  return dnn::set(tensor, type, {n, c, h, w}, {n_stride, c_stride, h_stride, w_stride});
}

cudnnStatus_t cudnnSoftmaxForward(cudnnHandle_t handle, cudnnSoftmaxAlgorithm_t algorithm,
                                  cudnnSoftmaxMode_t mode, const void* alpha,
                                  const cudnnTensorDescriptor_t x_tensor, const void* x,
                                  const void* beta, const cudnnTensorDescriptor_t y_tensor,
                                  void* y) {
  const Entry entry("cudnnSoftmaxForward");
  if (!entry) return dnn::refusal(entry);
  if (!state().objects.has(handle, dnn::kHandle) || alpha == nullptr || beta == nullptr ||
      !state().objects.has(x_tensor, dnn::kTensor) ||
      !state().objects.has(y_tensor, dnn::kTensor) || !x_tensor->set || !y_tensor->set) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM, "a handle, a descriptor or a scalar is missing");
  }
  if (algorithm < CUDNN_SOFTMAX_FAST || algorithm > CUDNN_SOFTMAX_LOG ||
      mode < CUDNN_SOFTMAX_MODE_INSTANCE || mode > CUDNN_SOFTMAX_MODE_CHANNEL ||
      x_tensor->size != y_tensor->size || x_tensor->type != y_tensor->type) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM, "the mode, or x and y do not fit together");
  }
  if (x_tensor->type != CUDNN_DATA_FLOAT) {
    return dnn::fail(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "only float is modelled");
  }
  if (x == nullptr || y == nullptr || !state().arena.covers(x) || !state().arena.covers(y)) {
    return dnn::fail(CUDNN_STATUS_BAD_PARAM, "x and y are device pointers");
  }
  CUstream_st* const stream = fakecuda::find_stream(handle->stream);
  if (stream == nullptr) return dnn::fail(CUDNN_STATUS_BAD_PARAM, "the stream is not live");
  dnn::Softmax work{.algorithm = algorithm,
                    .mode = mode,
                    .alpha = 1.0F,
                    .beta = 0.0F,
                    .x_tensor = *x_tensor,
                    .x = static_cast<const float*>(x),
                    .y_tensor = *y_tensor,
                    .y = static_cast<float*>(y)};
  std::memcpy(&work.alpha, alpha, sizeof(float));
  std::memcpy(&work.beta, beta, sizeof(float));
  auto task = std::make_shared<fakecuda::Task>();
  task->what = task->kernel = "cudnnSoftmaxForward";
  task->type = cudaGraphNodeTypeKernel;
  task->run = [work] { work.run(); };
  if (fakecuda::submit(stream, std::move(task)) != cudaSuccess) {
    return dnn::fail(CUDNN_STATUS_EXECUTION_FAILED_CUDART, "the stream refuses work");
  }
  return CUDNN_STATUS_SUCCESS;
}

}  // extern "C"
