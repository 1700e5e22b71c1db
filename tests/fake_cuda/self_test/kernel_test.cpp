// The launch path of a library that nvcc built, and what the fibers make of barriers.

#include <cmath>
#include <numeric>

#include "fixture.h"
#include "trial_kernels.h"

namespace trial = minnow::cuda::trial;

namespace {

using Kernels = FakeCuda;

TEST_F(Kernels, RunElementwiseOverSeveralBlocks) {
  const Array<float> values(std::vector<float>(1000, 1.5F));
  trial::launch_scale(values.get(), 2.0F, 1000, stream_);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(controls().launches("scale<float>"), 0) << "deferred until somebody waits";
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(controls().launches("scale<float>"), 1);
  EXPECT_EQ(values.read(), std::vector<float>(1000, 3.0F));
}

TEST_F(Kernels, TakeBfloat16) {
  const Array<__nv_bfloat16> values(std::vector<__nv_bfloat16>(77, __float2bfloat16(2.0F)));
  trial::launch_scale(values.get(), 3.0F, 77, stream_);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  for (const __nv_bfloat16 value : values.read()) EXPECT_EQ(__bfloat162float(value), 6.0F);
}

TEST_F(Kernels, ReduceWithShufflesBarriersAndTheLastBlock) {
  std::vector<float> numbers(1717);
  std::iota(numbers.begin(), numbers.end(), 1.0F);
  for (const char* const order : {"order=0", "order=1"}) {
    controls().config(order);
    const Array<float> values(numbers);
    const Array<float> partial(trial::kSumBlocks);
    const Array<unsigned> finished(std::vector<unsigned>(1, 0U));
    const Array<float> total(1);
    for (int repeat = 0; repeat < 2; ++repeat) {
      trial::launch_sum(values.get(), 1717, partial.get(), finished.get(), total.get(), stream_);
      EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
      EXPECT_FLOAT_EQ(total.read()[0], 1717.0F * 1718.0F / 2.0F) << order;
      EXPECT_EQ(finished.read()[0], 0U);
    }
  }
}

TEST_F(Kernels, HaveDynamicSharedMemory) {
  std::vector<int> numbers(200);
  std::iota(numbers.begin(), numbers.end(), 0);
  const Array<int> values(numbers);
  trial::launch_reverse(values.get(), 200, stream_);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(values.read(), std::vector<int>(numbers.rbegin(), numbers.rend()));
}

TEST_F(Kernels, CopyTheirArgumentsAtTheLaunch) {
  const Array<float> values(std::vector<float>(64, 1.0F));
  float* pointer = values.get();
  trial::launch_scale(pointer, 2.0F, 64, stream_);
  pointer = nullptr;
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(values.read()[63], 2.0F);
}

TEST_F(Kernels, RunAtOnceInEagerMode) {
  controls().config("mode=eager");
  const Array<float> values(std::vector<float>(64, 1.0F));
  trial::launch_scale(values.get(), 2.0F, 64, stream_);
  EXPECT_EQ(controls().launches("scale"), 1);
}

TEST_F(Kernels, WithoutABodyHaveNoImage) {
  trial::launch_unknown(stream_);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorNoKernelImageForDevice);
  EXPECT_EQ(cudaGetLastError(), cudaErrorNoKernelImageForDevice);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(Kernels, RefuseABlockThatIsTooLarge) {
  trial::launch_too_large(stream_);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  const int nothing = 0;
  void* arguments[] = {nullptr};
  EXPECT_EQ(cudaLaunchKernel(&nothing, dim3(1), dim3(1), arguments, 0, stream_),
            cudaErrorInvalidDeviceFunction);
}

TEST_F(Kernels, RefuseMoreSharedMemoryThanTheyAskedFor) {
  const Array<int> values(std::size_t{1});
  trial::launch_reverse(values.get(), 13000, stream_);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
}

TEST_F(Kernels, FailOnADivergentBarrier) {
  trial::launch_diverge(stream_);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure) << "sticky";
  controls().config("");
  const Array<float> values(std::vector<float>(64, 1.0F));
  trial::launch_scale(values.get(), 2.0F, 64, stream_);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess) << "the fibers work again";
  EXPECT_EQ(values.read()[0], 2.0F);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_F(Kernels, ThatOverrunAnArrayHitItsRedZone) {
  const Array<float> values(std::vector<float>(10, 1.0F));
  trial::launch_overrun(values.get(), 10, stream_);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
}
#else
TEST(KernelsDeathTest, ThatOverrunAnArrayAreReportedWithTheirLine) {
  const auto overrun = [] {
    fakecuda::Controls::find()->config("");
    const Array<float> values(std::vector<float>(10, 1.0F));
    trial::launch_overrun(values.get(), 10, nullptr);
    cudaDeviceSynchronize();
  };
  EXPECT_DEATH(overrun(), "use-after-poison[^$]*trial_kernels.cu");
}
#endif

}  // namespace
