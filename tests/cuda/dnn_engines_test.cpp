// Asks the real cuDNN, on a machine without a GPU, about the graphs that the plugin builds: it
// takes a description of a GPU instead. Over the toolkit's stub of the driver it goes as far as
// compiling the kernels; only loading them is refused.

#include <minnow/base/text.h>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "call.h"
#include "dnn_graph.h"

namespace minnow::cuda {
namespace {

using Kind = DnnRequest::Kind;

// As cuDNN writes it. Numbers of an H100, but for the version.
std::string description_of_gpu(int version) {
  return cat(R"({"deviceVer":)", version,
             R"(,"driverVer":13000,"cudaDeviceId":0,"totalGlobalMem":85899345920,)"
             R"("maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],)"
             R"("regsPerBlock":65536,"multiProcessorCount":132,"warpSize":32,)"
             R"("maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":232448,)"
             R"("reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,"maxCtasPerSM":32,)"
             R"("maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,)"
             R"("isTccDriver":0,"supportCoopLaunch":1,"smClockRateKHz":1980000,)"
             R"("memClockRateKHz":2619000,"l2CacheSize":52428800,"deviceName":"NVIDIA H100"})");
}

// Nothing is read or written through them.
Matrix matrix(std::int64_t rows, std::int64_t cols, bool bf16) {
  return {.data = reinterpret_cast<void*>(std::uintptr_t{1} << 40),
          .rows = rows,
          .cols = cols,
          .stride = (cols + 7) / 8 * 8,
          .bf16 = bf16};
}

struct Case {
  const char* name;
  Kind kind;
  bool bias;
  bool relu;
};

DnnRequest request_of(const Case& it, std::int64_t batch, std::int64_t inputs, std::int64_t outputs,
                      bool bf16) {
  DnnRequest request;
  request.kind = it.kind;
  request.a = matrix(batch, it.kind == Kind::forward ? inputs : outputs, bf16);
  request.b = matrix(it.kind == Kind::weight_grad ? batch : outputs, inputs, bf16);
  switch (it.kind) {
    case Kind::forward:
      request.out = matrix(batch, outputs, bf16);
      if (it.bias) request.bias = matrix(1, outputs, false);
      request.relu = it.relu;
      break;
    case Kind::input_grad:
      request.out = matrix(batch, inputs, bf16);
      if (it.bias) request.bias_grad = matrix(1, inputs, false);
      if (it.relu) request.below = matrix(batch, inputs, bf16);
      break;
    case Kind::weight_grad:
      request.out = matrix(outputs, inputs, false);
      break;
  }
  return request;
}

constexpr Case kCases[] = {{"forward", Kind::forward, false, false},
                           {"forward, bias", Kind::forward, true, false},
                           {"forward, bias, ReLU", Kind::forward, true, true},
                           {"input gradient", Kind::input_grad, false, false},
                           {"input gradient, ReLU", Kind::input_grad, false, true},
                           {"input gradient, ReLU, bias", Kind::input_grad, true, true},
                           {"weight gradient", Kind::weight_grad, false, false}};

class DnnEngines : public ::testing::Test {
 protected:
  void SetUp() override {
    if (CUDNN_VERSION < 90800) GTEST_SKIP() << "cuDNN takes descriptions of GPUs since 9.8";
    // The order of Cudnn: the whole aborts where a part is missing.
    for (const char* part : {"libcuda.so.1", "libcudnn_ops.so.9", "libcudnn_graph.so.9",
                             "libcudnn_engines_runtime_compiled.so.9", "libcudnn.so.9"}) {
      try {
        library_.emplace(part);
      } catch (const CallFailure& failure) {
        GTEST_SKIP() << failure.status;
      }
    }
    calls_.emplace(*library_);
  }

#if CUDNN_VERSION >= 90800
  DnnDescriptor gpu(int version) const {
    const std::string text = description_of_gpu(version);
    DnnDescriptor made(*calls_, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    made.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
             std::vector<char>(text.begin(), text.end()));
    made.finalize();
    return made;
  }

  /// What finalizing the plan of a configuration says.
  std::string plan_of(const DnnDescriptor& config, const DnnDescriptor& gpu) const {
    std::string refusal;
    try {
      DnnDescriptor plan(*calls_, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, gpu);
      plan.finalize_if_supported(refusal);
    } catch (const CallFailure& failure) {
      refusal = failure.status;
    }
    return refusal;
  }
#endif
  const DnnCalls& calls() const { return *calls_; }

 private:
  std::optional<Library> library_;
  std::optional<DnnCalls> calls_;
};

#if CUDNN_VERSION >= 90800
TEST_F(DnnEngines, SupportEveryGraph) {
  struct Asked {
    int version;
    std::int64_t batch;
    std::int64_t inputs;
    std::int64_t outputs;
  };
  for (const Asked& it :
       {Asked{900, 32, 784, 128}, Asked{900, 33, 7, 1}, Asked{800, 32, 784, 128}}) {
    const DnnDescriptor device = gpu(it.version);
    for (const Case& one : kCases) {
      for (const bool bf16 : {false, true}) {
        const DnnGraph graph(calls(), nullptr,
                             request_of(one, it.batch, it.inputs, it.outputs, bf16));
        std::string refusal;
        EXPECT_FALSE(graph.engine_configs(CUDNN_HEUR_MODE_A, refusal, &device).empty())
            << one.name << (bf16 ? " bf16 " : " fp32 ") << it.batch << " " << it.inputs << " "
            << it.outputs << ", version " << it.version << ": " << refusal;
      }
    }
  }
}

TEST_F(DnnEngines, HaveNothingForOldGpus) {
  const DnnDescriptor device = gpu(750);
  const DnnGraph graph(calls(), nullptr, request_of(kCases[0], 32, 784, 128, false));
  std::string refusal;
  EXPECT_TRUE(graph.engine_configs(CUDNN_HEUR_MODE_A, refusal, &device).empty());
  EXPECT_EQ(refusal, "cuDNN knows no engine for it");
}

TEST_F(DnnEngines, CompileTheKernels) {
  const DnnDescriptor device = gpu(900);
  // Bias and ReLU; mask and sums; a result in float32 from factors in bfloat16.
  for (const auto& [index, bf16] :
       {std::pair{2U, true}, std::pair{5U, false}, std::pair{6U, true}}) {
    const DnnGraph graph(calls(), nullptr, request_of(kCases[index], 32, 784, 128, bf16));
    std::string refusal;
    const auto configs = graph.engine_configs(CUDNN_HEUR_MODE_A, refusal, &device);
    ASSERT_FALSE(configs.empty()) << refusal;
    const std::string said = plan_of(configs.front(), device);
    // Where the driver is not the stub there is nothing to say.
    if (said.empty()) continue;
    EXPECT_EQ(said.find("5001 CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER (cuLibraryLoadData"), 0U)
        << kCases[index].name << ": " << said;
  }
}
#endif

}  // namespace
}  // namespace minnow::cuda
