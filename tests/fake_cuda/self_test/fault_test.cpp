// Faults, counters and the configuration.

#include "fixture.h"

#include <cstdlib>
#include "trial_kernels.h"

namespace {

namespace trial = minnow::cuda::trial;
using Faults = FakeCuda;

cudaError_t allocate_and_free() {
  void* memory = nullptr;
  const cudaError_t result = cudaMalloc(&memory, 10);
  if (result == cudaSuccess) cudaFree(memory);
  return result;
}

TEST_F(Faults, HitTheNthCall) {
  controls().config("cudaMalloc@2=2");
  EXPECT_EQ(allocate_and_free(), cudaSuccess);
  EXPECT_EQ(allocate_and_free(), cudaErrorMemoryAllocation);
  EXPECT_EQ(allocate_and_free(), cudaSuccess);
  EXPECT_EQ(controls().calls("cudaMalloc"), 3);
  EXPECT_EQ(controls().calls("cudaFree"), 2);
  controls().config("cudaMalloc@2+=auto");
  EXPECT_EQ(allocate_and_free(), cudaSuccess);
  EXPECT_EQ(allocate_and_free(), cudaErrorMemoryAllocation);
  EXPECT_EQ(allocate_and_free(), cudaErrorMemoryAllocation);
}

TEST_F(Faults, HitTheNthCallOfAnyKind) {
  controls().config("call@2=auto");
  int device = 0;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(allocate_and_free(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(controls().calls(), 3);
  EXPECT_EQ(controls().call_name(1), "cudaGetDevice");
  EXPECT_EQ(controls().call_name(2), "cudaMalloc");
  EXPECT_EQ(controls().call_name(4), "");
  controls().config("call@1+=999");
  EXPECT_EQ(cudaGetDevice(&device), cudaErrorUnknown);
  EXPECT_EQ(allocate_and_free(), cudaErrorUnknown);
}

TEST_F(Faults, ThatAreStickyStayAndStillRelease) {
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, 10), cudaSuccess);
  controls().config("cudaStreamSynchronize@2=700!");
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
  EXPECT_EQ(allocate_and_free(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaFree(memory), cudaErrorIllegalAddress);
  EXPECT_EQ(controls().live_report(), "stream 1");
}

TEST_F(Faults, OfKernelsSurfaceAtTheNextWait) {
  const Array<float> values(std::vector<float>(64, 1.0F));
  controls().config("kernel:scale@2=719");
  for (int i = 0; i < 3; ++i) trial::launch_scale(values.get(), 2.0F, 64, stream_);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(values.read()[0], 4.0F) << "the second kernel did nothing";
  controls().config("kernel:scale@1=700!");
  trial::launch_scale(values.get(), 2.0F, 64, stream_);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  controls().config("");
}

TEST_F(Faults, OfALaunchReachTheLastError) {
  controls().config("cudaLaunchKernel=701");
  trial::launch_diverge(stream_);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchOutOfResources);
  EXPECT_EQ(controls().calls("cudaLaunchKernel"), 1);
}

TEST_F(Faults, OfAnEndOfCaptureEndIt) {
  controls().config("cudaStreamEndCapture=auto");
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), cudaSuccess);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorUnknown);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
}

TEST_F(Faults, HaveDevicesAndDriversToo) {
  int count = -7;
  controls().config("devices=0");
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  EXPECT_EQ(count, -7);
  controls().config("drv=11000");
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
  int version = -1;
  EXPECT_EQ(cudaDriverGetVersion(&version), cudaSuccess);
  EXPECT_EQ(version, 11000);
  controls().config("devices=2,cc=86,sms=7,mem=64M");
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 2);
  cudaDeviceProp properties{};
  EXPECT_EQ(cudaGetDeviceProperties(&properties, 1), cudaSuccess);
  EXPECT_EQ(properties.major, 8);
  EXPECT_EQ(properties.multiProcessorCount, 7);
  EXPECT_EQ(properties.totalGlobalMem, 64U << 20U);
  int minor = 0;
  EXPECT_EQ(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), cudaSuccess);
  EXPECT_EQ(minor, 6);
}

TEST_F(Faults, MustBeUnderstood) {
  for (const char* const text : {"cudaMaloc=2", "cudaMalloc", "cudaMalloc=x", "mem=1T", "mem=9G",
                                 "cudaMalloc@0=2", "mode=lazy", "cudaMalloc=0", "kernel:a@x=1"}) {
    EXPECT_THROW(controls().config(text), std::invalid_argument) << text;
  }
  controls().config(" mem=2M ; cudaMalloc@3+=2! , order=1;; kernel:_ZN3fooEv@2=700 ");
  controls().config("");
}

TEST(FaultsDeathTest, WithoutAConfigurationThereIsNoDriver) {
  // Another process, so that no earlier test has configured anything.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto ask = [] {
    int count = -7;
    int version = -7;
    void* memory = &count;
    const bool right = cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver && count == -7 &&
                       cudaDriverGetVersion(&version) == cudaSuccess && version == 0 &&
                       cudaMalloc(&memory, 1) == cudaErrorInsufficientDriver;
    std::_Exit(right ? 7 : 1);
  };
  EXPECT_EXIT(ask(), testing::ExitedWithCode(7), "");
}

}  // namespace
