// From a machine to a message, through a program that opens devices.

#include "machine.h"

namespace minnow::test {
namespace {

constexpr const char* kNoFile = "dlopen(libcuda.so.1): cannot open shared object file; ";

TEST(Ladder, WithoutHardwareItIsQuiet) {
  const Machine machine;
  const Outcome found = machine.run({"open:auto"}, {});
  EXPECT_EQ(said(found, "device"), "cpu");
  EXPECT_EQ(said(found, "notable"), "0");
  EXPECT_EQ(said(found, "code"), "MN-D01");
  EXPECT_EQ(said(found, "what"), "no NVIDIA hardware found.");
  EXPECT_EQ(said(found, "evidence"),
            std::string(kNoFile) + "PCI shows no NVIDIA device; no /dev/nvidia* device nodes");
  EXPECT_EQ(said(found, "effect"), "running on the CPU");

  const Outcome required = machine.run({"open:cuda"}, {});
  EXPECT_EQ(said(required, "what"), "GPU not used: no NVIDIA driver is installed.");
  EXPECT_EQ(said(required, "effect"), "nothing was opened");

  const Outcome report = machine.run({"report"}, {});
  EXPECT_EQ(said(report, "finding hardware skipped:"), "no NVIDIA hardware found");
  EXPECT_EQ(said(report, "finding driver skipped:"), "not needed");
  EXPECT_EQ(said(report, "auto"), "cpu");
  EXPECT_EQ(said(report, "probe"), "not started");
  EXPECT_EQ(said(report, "has cpu").substr(0, 6), "usable");
}

TEST(Ladder, HardwareWithoutDriver) {
  Machine machine;
  machine.gpu_on_pci();
  const Outcome found = machine.run({"open:auto"}, {});
  EXPECT_EQ(said(found, "device"), "cpu");
  EXPECT_EQ(said(found, "notable"), "1");
  EXPECT_EQ(said(found, "what"), "GPU not used: no NVIDIA driver is installed.");
  EXPECT_EQ(said(found, "evidence"),
            std::string(kNoFile) + "PCI shows NVIDIA device 0000:65:00.0 (10de:2330)");
  EXPECT_EQ(said(found, "remedy"), "install NVIDIA driver " + kDriver +
                                       " or newer, or run with --device=cpu to silence this");
  const Outcome report = machine.run({"report"}, {});
  EXPECT_EQ(said(report, "finding driver problem:"),
            "GPU not used: no NVIDIA driver is installed.");
  EXPECT_EQ(said(report, "finding device skipped:"), "not tried (driver check failed)");
}

TEST(Ladder, Container) {
  Machine machine;
  machine.gpu_on_pci().file("/.dockerenv", "");
  const Outcome found = machine.run({"open:auto"}, {});
  EXPECT_EQ(said(found, "code"), "MN-D03b");
  EXPECT_EQ(said(found, "evidence"),
            "/.dockerenv exists; PCI lists 1 NVIDIA GPU; no /dev/nvidia* device nodes");
}

struct Case {
  const char* driver;
  const char* code;
  const char* evidence;
};

TEST(Ladder, EveryAnswerOfTheDriver) {
  Machine machine;
  machine.gpu_on_pci().nodes().module("580.95.05");
  for (const Case& one :
       {Case{"code=1", "MN-D07", "cuInit -> 1 CUDA_ERROR_INVALID_VALUE"},
        Case{"code=2", "MN-D07", "cuInit -> 2 CUDA_ERROR_OUT_OF_MEMORY"},
        Case{"code=3", "MN-D13", "cuInit -> 3 CUDA_ERROR_NOT_INITIALIZED"},
        Case{"code=34", "MN-D08s", "cuInit -> 34 CUDA_ERROR_STUB_LIBRARY"},
        Case{"code=46", "MN-D09", "cuInit -> 46 CUDA_ERROR_DEVICE_UNAVAILABLE"},
        Case{"code=100", "MN-D03", "cuInit -> 100 CUDA_ERROR_NO_DEVICE"},
        Case{"code=101", "MN-D07", "cuInit -> 101 CUDA_ERROR_INVALID_DEVICE"},
        Case{"code=102", "MN-D09", "cuInit -> 102 CUDA_ERROR_DEVICE_NOT_LICENSED"},
        Case{"code=304", "MN-D07", "cuInit -> 304 CUDA_ERROR_OPERATING_SYSTEM"},
        Case{"code=500", "MN-D06", "cuInit -> 500 CUDA_ERROR_NOT_FOUND"},
        Case{"code=802", "MN-D08", "cuInit -> 802 CUDA_ERROR_SYSTEM_NOT_READY"},
        Case{"code=803", "MN-D04", "kernel module 580.95.05 (/proc/driver/nvidia/version), "},
        Case{"code=804", "MN-D05", "cuInit -> 804 CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"},
        Case{"code=999", "MN-D07", "cuInit -> 999 CUDA_ERROR_UNKNOWN"},
        Case{"code=-1", "MN-D07", "cuInit -> -1 (no error of CUDA's)"}}) {
    const Outcome found =
        machine.run({"open:cuda"},
                    {driver_path(), std::string("FAKE_CUDA_DRIVER=version=14000,") + one.driver});
    EXPECT_EQ(said(found, "code"), one.code) << found.out;
    EXPECT_NE(said(found, "evidence").find(one.evidence), std::string::npos) << found.out;
    EXPECT_EQ(said(found, "effect"), "nothing was opened");
  }
}

TEST(Ladder, HiddenByTheEnvironment) {
  Machine machine;
  machine.gpu_on_pci().gpu_in_module().nodes();
  const Outcome found = machine.run(
      {"open:auto"},
      {driver_path(), "FAKE_CUDA_DRIVER=code=100,version=14000", "CUDA_VISIBLE_DEVICES=2"});
  EXPECT_EQ(said(found, "code"), "MN-D03a");
  EXPECT_EQ(said(found, "evidence"), "CUDA_VISIBLE_DEVICES=\"2\"; the system has 1 GPU (index 0)");
  EXPECT_EQ(said(found, "effect"), "running on the CPU");
}

TEST(Ladder, StubAndCompatAreKnownByTheirFolder) {
  Machine machine;
  machine.gpu_on_pci().nodes();
  const std::string stub = machine.driver("cuda/stubs/libcuda.so.1");
  const Outcome stubbed = machine.run({"open:cuda"}, {"LD_LIBRARY_PATH=" + machine.at("cuda/stubs"),
                                                      "FAKE_CUDA_DRIVER=code=34,version=0"});
  EXPECT_EQ(said(stubbed, "code"), "MN-D08s");
  EXPECT_EQ(said(stubbed, "evidence"),
            "libcuda.so.1 -> " + stub + ", cuInit -> 34 CUDA_ERROR_STUB_LIBRARY");
  const std::string compat = machine.driver("cuda/compat/libcuda.so.580.95.05");
  std::filesystem::create_symlink(compat, machine.at("cuda/compat/libcuda.so.1"));
  const Outcome forward = machine.run(
      {"report", "open:cuda"},
      {"LD_LIBRARY_PATH=" + machine.at("cuda/compat"), "FAKE_CUDA_DRIVER=code=804,version=13000"});
  EXPECT_EQ(said(forward, "remedy"),
            "remove " + machine.at("cuda/compat") + " from LD_LIBRARY_PATH");
  EXPECT_EQ(said(forward, "driver"), "580.95.05 cuda 13.0 module ");
}

TEST(Ladder, WindowsUnderneath) {
  Machine machine;
  machine.file("/dev/dxg", "").file("/proc/version", "Linux version 5.15-microsoft-standard-WSL2");
  const Outcome found =
      machine.run({"open:auto"}, {driver_path(), "FAKE_CUDA_DRIVER=code=500,version=14000"});
  EXPECT_EQ(said(found, "what"), "GPU not used: the bridge to the Windows driver is broken.");
}

TEST(Ladder, MinnowDeviceDecidesForAuto) {
  const Machine machine;
  EXPECT_EQ(said(machine.run({"open:auto"}, {"MINNOW_DEVICE=cpu"}), "notable"), "(no such line)");
  EXPECT_EQ(said(machine.run({"open:auto"}, {"MINNOW_DEVICE="}), "notable"), "0");
  EXPECT_EQ(said(machine.run({"open:cpu"}, {"MINNOW_DEVICE=cuda"}), "device"), "cpu");
  EXPECT_EQ(said(machine.run({"open:auto"}, {"MINNOW_DEVICE=cuda"}), "what"),
            "GPU not used: no NVIDIA driver is installed.");
  const Outcome wrong = machine.run({"open:auto"}, {"MINNOW_DEVICE=gpu"});
  EXPECT_EQ(said(wrong, "code"), "MN-U01");
  EXPECT_EQ(said(wrong, "what"), "MINNOW_DEVICE=\"gpu\" is no device.");
}

// A plugin that was built against libraries that no machine has.
class FuturePlugin : public ::testing::Test {
 protected:
  Outcome report() const {
    return machine_.run({"report"}, {"LD_LIBRARY_PATH=" MINNOW_DRIVER_DIR ":" + machine_.root(),
                                     "FAKE_CUDA_DRIVER=version=99000",
                                     "MINNOW_PLUGIN_DIR=" MINNOW_FUTURE_PLUGIN_DIR});
  }
  void add_library(const std::string& name) { machine_.driver("root/" + name); }

 private:
  Machine machine_;
};

TEST_F(FuturePlugin, LibrariesThatAreNotThere) {
  const Outcome found = report();
  EXPECT_EQ(said(found, "finding driver problem:"), "GPU not used: for a test.");
  EXPECT_EQ(said(found, "finding cublasLt problem:"), "GPU not used: cuBLASLt cannot be loaded.");
  EXPECT_EQ(said(found, "finding cudnn note:"),
            "cuDNN not found; using minnow's own ReLU/softmax kernels on the GPU.");
  EXPECT_EQ(said(found, "code"), "MN-L03");
  EXPECT_EQ(said(found, "evidence"), "dlopen(libcudnn.so.99): cannot open shared object file");
  EXPECT_EQ(said(found, "effect"),
            "same results; speed difference for this network: none expected (no convolutions)");
  EXPECT_EQ(said(found, "library cublasLt"),
            " dlopen(libcublasLt.so.99): cannot open shared object file");
}

TEST_F(FuturePlugin, CudnnWithoutOneOfItsParts) {
  add_library("libcudnn.so.99");
  add_library("libcudnn_graph.so.99");
  const Outcome found = report();
  EXPECT_EQ(said(found, "code"), "MN-L04");
  EXPECT_EQ(said(found, "what"),
            "cuDNN is not whole: libcudnn_ops.so.99 is missing; it is not used.");
  EXPECT_EQ(said(found, "evidence"), "dlopen(libcudnn_ops.so.99): cannot open shared object file");
}

}  // namespace
}  // namespace minnow::test
