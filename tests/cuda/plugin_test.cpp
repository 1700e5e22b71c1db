// The plugin as a file: what it needs, what it exports, and that the fakes stand in for all of it.

#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "fake.h"
#include "message_of.h"
#include "problems.h"

namespace minnow::testing {
namespace {

std::vector<std::string> lines_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::vector<std::string> lines;
  std::array<char, 4096> line{};
  while (pipe != nullptr && std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
    lines.emplace_back(line.data());
  }
  return lines;
}

TEST(CudaPlugin, NeedsTheRuntimeAndNothingElseOfCuda) {
  std::string needed;
  for (const auto& line : lines_of("readelf -d '" MINNOW_CUDA_PLUGIN "'")) {
    if (line.find("(NEEDED)") != std::string::npos) needed += line;
  }
  EXPECT_NE(needed.find("libcudart.so."), std::string::npos) << needed;
  for (const char* library : {"libcuda.so", "libcublas", "libcudnn", "libnv"}) {
    EXPECT_EQ(needed.find(library), std::string::npos) << needed;
  }
}

TEST(CudaPlugin, ExportsOneFunction) {
  std::string functions;
  for (const auto& line : lines_of("nm -D --defined-only '" MINNOW_CUDA_PLUGIN "'")) {
    if (line.find(" T ") != std::string::npos) functions += line.substr(line.find(" T ") + 3);
  }
  EXPECT_EQ(functions, "minnow_plugin\n");
}

class CudaFakes : public OverFakes {};

TEST_F(CudaFakes, CoverWhatThePluginCalls) {
  void* runtime = dlopen("libcudart.so." MINNOW_CUDA_SOVERSION, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(runtime, nullptr) << dlerror();
  int calls = 0;
  for (const auto& line : lines_of("nm -D --undefined-only '" MINNOW_CUDA_PLUGIN "'")) {
    std::istringstream words(line);
    std::string kind, name;
    words >> kind >> name;
    if (name.find("cuda") == std::string::npos || name.find("_Z") == 0) continue;
    name = name.substr(0, name.find('@'));
    ++calls;
    EXPECT_NE(dlsym(runtime, name.c_str()), nullptr) << name;
  }
  EXPECT_GT(calls, 20);
}

TEST_F(CudaFakes, TheCpuTouchesNothingOfCuda) {
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), open("cpu"));
  const Tensor x = random_tensor({64, 10}, 1);
  trainer.fit(x, labels_of(x, 3));
  EXPECT_EQ(fake().calls(), 0);
}

TEST_F(CudaFakes, AutoTakesTheGpuAndSaysNothing) {
  const Device device = open("auto");
  EXPECT_EQ(device.info().name, "cuda:0");
  EXPECT_FALSE(device.skipped());
}

struct Refusal {
  const char* config;
  Code code;
  const char* what;
};

TEST_F(CudaFakes, DevicesThatCannotBeUsedSayWhyAndWhatToDo) {
  for (const auto& [config, code, what] : std::vector<Refusal>{
           {"drv=0", "MN-D01", "GPU not used: no NVIDIA driver is installed."},
           {"drv=11000", "MN-D02", "GPU not used: the NVIDIA driver is too old for this build."},
           {"cudaGetDeviceCount=100", "MN-D03", "GPU not used: the driver shows no GPU."},
           {"cudaGetDeviceCount=34", "MN-D08s",
            "GPU not used: the loaded libcuda is the link-time stub."},
           {"cudaGetDeviceCount=803", "MN-D04",
            "GPU not used: driver was updated but the machine was not rebooted."},
           {"cudaGetDeviceCount=804", "MN-D05",
            "GPU not used: a forward-compatibility libcuda is loaded on a GPU that does not "
            "support it."},
           {"cudaGetDeviceCount=802", "MN-D08",
            "GPU not used: the system that connects the GPUs is not ready."},
           {"cudaGetDeviceCount=999", "MN-D07", "GPU not used: the driver does not start."},
           {"cudaGetDeviceCount=3", "MN-D13",
            "GPU not used: CUDA was used before this process was forked, or cannot start."},
           {"cudaSetDevice=46", "MN-D09", "cuda:0 is busy or not available."},
           {"cudaFuncGetAttributes=209", "MN-D11", "GPU not used: this build has no code for "}}) {
    fake().config(config);
    try {
      open("cuda");
      FAIL() << config;
    } catch (const DeviceUnavailable& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_EQ(error.cause().find(what), 0U) << error.what();
      EXPECT_NE(error.evidence(), "") << error.what();
      EXPECT_EQ(error.effect(), "nothing was opened");
    }
    // "auto" goes on with the CPU, and says the same.
    const Device device = open("auto");
    EXPECT_EQ(device.info().name, "cpu");
    ASSERT_TRUE(device.skipped());
    EXPECT_EQ(device.skipped()->failure.what.find(what), 0U) << device.skipped()->failure.what;
  }
}

TEST_F(CudaFakes, OldGpusAndGpusThatAreNotThere) {
  fake().config("cc=37");
  const std::string old = message_of<DeviceUnavailable>([] { open("cuda"); });
  EXPECT_NE(old.find("(compute capability 3.7) is not supported by CUDA " MINNOW_CUDA_SOVERSION
                     ". [MN-D10]\n"
                     "  evidence: this build contains code for "),
            std::string::npos)
      << old;
  fake().config("cc=75");
  EXPECT_NO_THROW(open("cuda"));
  const std::string rounding =
      message_of<InvalidArgument>([] { open("cuda", {.precision = Precision::tf32}); });
  EXPECT_NE(rounding.find("cuda:0 cannot compute in tf32. [MN-U01]"), std::string::npos)
      << rounding;
  fake().config("devices=2");
  EXPECT_EQ(open("cuda:1").info().name, "cuda:1");
  const std::string absent = message_of<DeviceUnavailable>([] { open("cuda:2"); });
  EXPECT_NE(absent.find("GPU not used: there is no GPU number 2. [MN-D03]\n"
                        "  evidence: CUDA shows 2 GPUs, from cuda:0 on"),
            std::string::npos)
      << absent;
}

}  // namespace
}  // namespace minnow::testing
