#include <cudnn.h>

#include <cmath>

#include "fixture.h"

namespace {

class SoftmaxOfCudnn : public FakeCuda {
 protected:
  void SetUp() override {
    FakeCuda::SetUp();
    ASSERT_EQ(cudnnCreate(&handle_), CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(cudnnSetStream(handle_, stream_), CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(cudnnCreateTensorDescriptor(&tensor_), CUDNN_STATUS_SUCCESS);
  }
  void TearDown() override {
    cudnnDestroyTensorDescriptor(tensor_);
    cudnnDestroy(handle_);
    FakeCuda::TearDown();
  }
  cudnnStatus_t run(cudnnSoftmaxMode_t mode, const float* x, float* y) {
    const float one = 1.0F;
    const float zero = 0.0F;
    return cudnnSoftmaxForward(handle_, CUDNN_SOFTMAX_ACCURATE, mode, &one, tensor_, x, &zero,
                               tensor_, y);
  }

  cudnnHandle_t handle_ = nullptr;
  cudnnTensorDescriptor_t tensor_ = nullptr;
};

TEST_F(SoftmaxOfCudnn, IsOneOverRows) {
  const std::vector<float> logits = {1.0F, 2.0F, 3.0F, 1000.0F, 1000.0F, 999.0F};
  const Array<float> x(logits);
  const Array<float> y(logits.size());
  ASSERT_EQ(cudnnSetTensor4dDescriptor(tensor_, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 2, 3, 1, 1),
            CUDNN_STATUS_SUCCESS);
  for (const auto mode : {CUDNN_SOFTMAX_MODE_INSTANCE, CUDNN_SOFTMAX_MODE_CHANNEL}) {
    ASSERT_EQ(run(mode, x.get(), y.get()), CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<float> result = y.read();
    for (std::size_t row = 0; row < 2; ++row) {
      double sum = 0.0;
      const double base = row == 0 ? 0.0 : 1000.0;
      for (std::size_t i = 0; i < 3; ++i) sum += std::exp(logits[row * 3 + i] - base);
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NEAR(result[row * 3 + i], std::exp(logits[row * 3 + i] - base) / sum, 1e-7);
      }
    }
  }
}

TEST_F(SoftmaxOfCudnn, TakesStrides) {
  const Array<float> x(std::vector<float>{0.0F, 9.0F, 0.0F, 9.0F});
  const Array<float> y(std::vector<float>(4, 7.0F));
  ASSERT_EQ(cudnnSetTensor4dDescriptorEx(tensor_, CUDNN_DATA_FLOAT, 1, 2, 1, 1, 4, 2, 1, 1),
            CUDNN_STATUS_SUCCESS);
  ASSERT_EQ(run(CUDNN_SOFTMAX_MODE_INSTANCE, x.get(), y.get()), CUDNN_STATUS_SUCCESS);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(y.read(), (std::vector<float>{0.5F, 7.0F, 0.5F, 7.0F}));
}

TEST_F(SoftmaxOfCudnn, ExplainsRefusals) {
  EXPECT_EQ(cudnnSetTensor4dDescriptor(tensor_, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 0, 3, 1, 1),
            CUDNN_STATUS_BAD_PARAM);
  char text[100];
  cudnnGetLastErrorString(text, sizeof(text));
  EXPECT_STREQ(text, "(n <= 0) || (c <= 0) || (h <= 0) || (w <= 0)");
  cudnnGetLastErrorString(text, sizeof(text));
  EXPECT_STREQ(text, "");
  ASSERT_EQ(cudnnSetTensor4dDescriptor(tensor_, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 2, 3, 1, 1),
            CUDNN_STATUS_SUCCESS);
  const Array<float> small(std::vector<float>(5, 0.0F));
  EXPECT_EQ(run(CUDNN_SOFTMAX_MODE_INSTANCE, small.get(), small.get()), CUDNN_STATUS_SUCCESS);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
  EXPECT_EQ(run(CUDNN_SOFTMAX_MODE_INSTANCE, small.get(), small.get()),
            CUDNN_STATUS_EXECUTION_FAILED_CUDART);
  controls().config("cudnnSoftmaxForward=auto,dnn=80907");
  EXPECT_EQ(run(CUDNN_SOFTMAX_MODE_INSTANCE, small.get(), small.get()),
            CUDNN_STATUS_EXECUTION_FAILED);
  EXPECT_EQ(cudnnGetVersion(), 80907U);
}

}  // namespace
