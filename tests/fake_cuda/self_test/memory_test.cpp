// Memory, copies and streams.

#include <cmath>
#include <thread>

#include "fixture.h"
#include "trial_kernels.h"

namespace {

namespace trial = minnow::cuda::trial;
using Memory = FakeCuda;

TEST_F(Memory, IsLimited) {
  controls().config("mem=1M");
  std::size_t free = 0;
  std::size_t total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  EXPECT_EQ(free, 1U << 20U);
  EXPECT_EQ(total, 1U << 20U);
  void* first = nullptr;
  void* second = nullptr;
  EXPECT_EQ(cudaMalloc(&first, 700 << 10), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&second, 400 << 10), cudaErrorMemoryAllocation);
  EXPECT_EQ(second, nullptr);
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  EXPECT_EQ(free, 324U << 10U);
  EXPECT_EQ(cudaFree(first), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&second, 1 << 20), cudaSuccess);
  EXPECT_EQ(controls().peak_bytes(), 1U << 20U);
  EXPECT_EQ(cudaFree(second), cudaSuccess);
  EXPECT_EQ(controls().bytes_in_use(), 0U);
}

TEST_F(Memory, StartsAsNaN) {
  const Array<float> values(std::size_t{33});
  for (const float value : values.read()) EXPECT_TRUE(std::isnan(value));
}

TEST_F(Memory, IsFreedOnce) {
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, 100), cudaSuccess);
  EXPECT_EQ(cudaFree(static_cast<char*>(memory) + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFreeHost(memory), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
  EXPECT_EQ(cudaFree(memory), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(nullptr), cudaSuccess);
}

TEST(MemoryDeathTest, OfTheDeviceIsNotTheHosts) {
  const auto touch = [] {
    fakecuda::Controls::find()->config("");
    const Array<float> values(std::vector<float>(10, 1.0F));
    *static_cast<volatile float*>(values.get()) = 1.0F;
  };
  EXPECT_DEATH(touch(), "");
}

TEST_F(Memory, BoundsOfCopiesAreChecked) {
  const Array<float> values(std::vector<float>(10, 1.0F));
  std::vector<float> host(11);
  EXPECT_EQ(cudaMemcpy(host.data(), values.get(), 44, cudaMemcpyDeviceToHost),
            cudaErrorIllegalAddress);
  EXPECT_EQ(cudaMemsetAsync(values.get(), 0, 4, stream_), cudaErrorIllegalAddress) << "sticky";
  controls().config("");
  EXPECT_EQ(cudaMemsetAsync(values.get() + 9, 0, 5, stream_), cudaErrorIllegalAddress);
  controls().config("");
  EXPECT_EQ(cudaMemcpy(host.data(), values.get(), 4, cudaMemcpyHostToDevice),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(values.get(), host.data(), 4, cudaMemcpyDefault), cudaSuccess);
}

TEST_F(Memory, PageableSourcesAreReadAtTheCallPinnedOnesWhenTheCopyRuns) {
  const Array<float> values(std::size_t{1});
  float pageable = 1.0F;
  ASSERT_EQ(cudaMemcpyAsync(values.get(), &pageable, 4, cudaMemcpyHostToDevice, stream_),
            cudaSuccess);
  pageable = 2.0F;
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(values.read()[0], 1.0F);

  float* pinned = nullptr;
  ASSERT_EQ(cudaMallocHost(reinterpret_cast<void**>(&pinned), 4), cudaSuccess);
  *pinned = 3.0F;
  ASSERT_EQ(cudaMemcpyAsync(values.get(), pinned, 4, cudaMemcpyHostToDevice, stream_), cudaSuccess);
  *pinned = 4.0F;
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(values.read()[0], 4.0F);

  *pinned = 0.0F;
  ASSERT_EQ(cudaMemcpyAsync(pinned, values.get(), 4, cudaMemcpyDeviceToHost, stream_), cudaSuccess);
  EXPECT_EQ(*pinned, 0.0F) << "nobody has waited yet";
  ASSERT_EQ(cudaMemcpyAsync(&pageable, values.get(), 4, cudaMemcpyDeviceToHost, stream_),
            cudaSuccess);
  EXPECT_EQ(pageable, 4.0F) << "pageable copies to the host wait";
  EXPECT_EQ(*pinned, 4.0F);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST_F(Memory, CopiesRows) {
  const Array<int> values(std::vector<int>(12, 0));
  const std::vector<int> host = {1, 2, 3, 4, 5, 6};
  ASSERT_EQ(cudaMemcpy2DAsync(values.get() + 1, 16, host.data(), 8, 8, 3, cudaMemcpyHostToDevice,
                              stream_),
            cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(values.read(), (std::vector<int>{0, 1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0}));
  EXPECT_EQ(cudaMemcpy2DAsync(values.get(), 4, host.data(), 8, 8, 3, cudaMemcpyDefault, stream_),
            cudaErrorInvalidPitchValue);
}

TEST_F(Memory, StreamsDoNotWaitForEachOtherUnlessTold) {
  cudaStream_t other = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  const Array<float> values(std::vector<float>(64, 1.0F));
  trial::launch_scale(values.get(), 2.0F, 64, stream_);
  EXPECT_EQ(cudaStreamSynchronize(other), cudaSuccess);
  EXPECT_EQ(controls().launches("scale"), 0);
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(event, stream_), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(other, event, 0), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(other), cudaSuccess);
  EXPECT_EQ(controls().launches("scale"), 1);
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(other), cudaErrorInvalidResourceHandle);
}

TEST_F(Memory, EventsHaveAClock) {
  cudaEvent_t start = nullptr;
  cudaEvent_t end = nullptr;
  ASSERT_EQ(cudaEventCreate(&start), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&end), cudaSuccess);
  float milliseconds = -1.0F;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaErrorInvalidResourceHandle);
  const Array<float> values(std::vector<float>(64, 1.0F));
  EXPECT_EQ(cudaEventRecord(start, stream_), cudaSuccess);
  trial::launch_scale(values.get(), 2.0F, 64, stream_);
  EXPECT_EQ(cudaEventRecord(end, stream_), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaErrorNotReady);
  int polls = 0;
  while (cudaEventQuery(end) == cudaErrorNotReady) ++polls;
  EXPECT_EQ(polls, 3);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaSuccess);
  EXPECT_FLOAT_EQ(milliseconds, 0.002F);
  EXPECT_EQ(cudaEventSynchronize(end), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(start), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(end), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(end), cudaErrorInvalidResourceHandle);
}

TEST_F(Memory, ErrorsBelongToTheThread) {
  EXPECT_EQ(cudaSetDevice(7), cudaErrorInvalidDevice);
  cudaError_t others = cudaErrorUnknown;
  std::thread([&] { others = cudaGetLastError(); }).join();
  EXPECT_EQ(others, cudaSuccess);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
  EXPECT_STREQ(cudaGetErrorName(cudaErrorInvalidDevice), "cudaErrorInvalidDevice");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorInvalidDevice), "invalid device ordinal");
}

TEST_F(Memory, KernelsRunOnAnyThread) {
  const Array<float> values(std::vector<float>(1000, 1.0F));
  const Array<float> partial(trial::kSumBlocks);
  const Array<unsigned> finished(std::vector<unsigned>(1, 0U));
  const Array<float> total(1);
  for (int i = 0; i < 3; ++i) {
    std::thread([&] {
      trial::launch_sum(values.get(), 1000, partial.get(), finished.get(), total.get(), stream_);
      EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    }).join();
    EXPECT_EQ(total.read()[0], 1000.0F);
  }
}

}  // namespace
