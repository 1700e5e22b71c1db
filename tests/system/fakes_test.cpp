// A GPU that works, or nearly does: the plugin over the fake CUDA libraries, in both processes.

#include "machine.h"

namespace minnow::test {
namespace {

class Fakes : public ::testing::Test {
 protected:
  Outcome run(const std::vector<std::string>& words, const std::string& config = "cc=90",
              const std::string& more = "LC_ALL=C") const {
    return machine_.run(words,
                        {"LD_LIBRARY_PATH=" MINNOW_FAKES_DIR, "FAKE_CUDA=guard=0," + config, more});
  }
  const Machine& machine() const { return machine_; }

 private:
  Machine machine_;
};

TEST_F(Fakes, AGpuThatWorks) {
  const Outcome found = run({"open:auto", "report"});
  EXPECT_EQ(said(found, "device"), "cuda:0");
  EXPECT_EQ(said(found, "code"), "(no such line)");
  EXPECT_EQ(said(found, "auto"), "cuda:0");
  EXPECT_EQ(said(found, "probe"), "ran");
  for (const char* topic : {"CPU", "driver", "plugin", "cudart", "cublasLt", "cudnn", "device"}) {
    EXPECT_NE(said(found, std::string("finding ") + topic + " good:"), "(no such line)") << topic;
  }
  EXPECT_EQ(said(found, "finding device good:"),
            "cuda:0 fake CUDA device, sm_90, 4 SM, 256.0 MiB of 256.0 MiB free");
  EXPECT_EQ(said(found, "has cuda:0"), "usable 0000:00:00.0 ");
  EXPECT_EQ(said(found, "library cublasLt"), "13.1.0 ");
  EXPECT_EQ(said(found, "library cudnn"), "9.19.0 ");
}

TEST_F(Fakes, CudnnIsOptional) {
  const std::string folder = MINNOW_FAKES_DIR;
  struct Case {
    const char* config;
    const char* code;
    std::string what;
    std::string evidence;
  };
  for (const Case& one :
       {Case{"cudnnOpsVersionCheck=1002", "MN-L06",
             "cuDNN libraries of two versions are mixed; cuDNN is not used.",
             "libcudnn_graph.so.9 = ? (" + folder + "), libcudnn_ops.so.9 = ? (" + folder +
                 "); cudnnOpsVersionCheck -> 1002 CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH"},
        Case{"cudnnOpsVersionCheck=3009", "MN-L04",
             "cuDNN is not whole: a sub-library is missing; it is not used.",
             "cudnnOpsVersionCheck -> 3009 CUDNN_STATUS_SUBLIBRARY_UNAVAILABLE"},
        Case{"dnn=90100", "MN-L07", "cuDNN is older than this build needs; cuDNN is not used.",
             "libcudnn.so.9 = 9.1.0 (" + folder + "); this build needs "},
        Case{"cudnnCreate=1001", "MN-I02", "cuDNN does not start; it is not used.",
             "cudnnCreate -> 1001 "}}) {
    const Outcome found = run({"open:auto", "report"}, one.config);
    EXPECT_EQ(said(found, "device"), "cuda:0") << found.out;
    EXPECT_EQ(said(found, "auto"), "cuda:0");
    EXPECT_EQ(said(found, "finding cudnn note:"), one.what);
    EXPECT_EQ(said(found, "code"), one.code);
    EXPECT_EQ(said(found, "evidence").find(one.evidence), 0U) << found.out;
    EXPECT_EQ(said(found, "effect"), "minnow's own kernels are used");
  }
  EXPECT_EQ(said(run({"report"}, "cudnnOpsVersionCheck=1002"), "remedy"),
            "make both come from one place; LD_LIBRARY_PATH currently puts " + folder + " first");
}

TEST_F(Fakes, CublasLtIsNot) {
  const Outcome found = run({"open:auto", "report"}, "cublasLtCreate=1");
  EXPECT_EQ(said(found, "device"), "cpu");
  EXPECT_EQ(said(found, "what"), "GPU not used: cuBLASLt does not start.");
  EXPECT_EQ(said(found, "evidence").find("cublasLtCreate -> 1 CUBLAS_STATUS_NOT_INITIALIZED"), 0U);
}

TEST_F(Fakes, WhatRulesOutAGpu) {
  struct Case {
    const char* config;
    const char* code;
    const char* what;
  };
  for (const Case& one :
       {Case{"cc=37", "MN-D10",
             "GPU not used: fake CUDA device (compute capability 3.7) is not supported by "
             "CUDA " MINNOW_CUDA_SOVERSION "."},
        Case{"cudaFuncGetAttributes=209", "MN-D11",
             "GPU not used: this build has no code for fake CUDA device (compute capability 9.0)."},
        Case{"cudaSetDevice=46", "MN-D09", "cuda:0 is busy or not available."},
        Case{"drv=11020", "MN-D02", "GPU not used: the NVIDIA driver is too old for this build."},
        Case{"cudaGetDeviceCount=802", "MN-D08",
             "GPU not used: the system that connects the GPUs is not ready."}}) {
    const Outcome found = run({"open:auto", "report"}, one.config);
    EXPECT_EQ(said(found, "device"), "cpu") << found.out;
    EXPECT_EQ(said(found, "notable"), "1");
    EXPECT_EQ(said(found, "code"), one.code);
    EXPECT_EQ(said(found, "what"), one.what);
    EXPECT_EQ(said(found, "auto"), "cpu");
  }
  EXPECT_EQ(said(run({"open:auto"}, "cc=37"), "effect"), "running on the CPU");
  EXPECT_EQ(said(run({"report"}, "cc=37"), "has cuda:0").substr(0, 3), "not");
}

TEST_F(Fakes, AutoTakesTheFirstGpuThatCanBeUsed) {
  const std::string probe = machine().script(
      "echo 'minnow-probe 1'\n"
      "echo 'device cuda:0'; echo 'device.usable 0'\n"
      "echo 'device.failure.code MN-D09'; echo 'device.failure.what cuda:0 is busy.'\n"
      "echo 'device cuda:1'; echo 'device.usable 1'; echo 'end '");
  const Outcome found = run({"open:auto", "report"}, "devices=2", "MINNOW_PROBE=" + probe);
  EXPECT_EQ(said(found, "device"), "cuda:1");
  EXPECT_EQ(said(found, "what"), "cuda:0 is busy.");
  EXPECT_EQ(said(found, "effect"), "running on cuda:1");
  EXPECT_EQ(said(found, "auto"), "cuda:1");
  const Outcome required = run({"open:cuda"}, "devices=2", "MINNOW_PROBE=" + probe);
  EXPECT_EQ(said(required, "code"), "MN-D09");
  const Outcome second = run({"open:cuda:1"}, "devices=2", "MINNOW_PROBE=" + probe);
  EXPECT_EQ(said(second, "device"), "cuda:1");
}

TEST_F(Fakes, TwoGpusAreBothReported) {
  const Outcome found = run({"report", "open:cuda:1"}, "devices=2");
  EXPECT_EQ(said(found, "has cuda:0").substr(0, 6), "usable");
  EXPECT_EQ(said(found, "has cuda:1").substr(0, 6), "usable");
  EXPECT_EQ(said(found, "device"), "cuda:1");
}

TEST_F(Fakes, WithoutTheProbeAGpuIsUsedAllTheSame) {
  const Outcome found = run({"open:auto", "report"}, "cc=90", "MINNOW_PROBE=/nowhere/minnow-probe");
  EXPECT_EQ(said(found, "device"), "cuda:0");
  EXPECT_EQ(said(found, "finding driver note:"),
            "/nowhere/minnow-probe cannot be started: No such file or directory; the libraries are "
            "tried inside this process");
  EXPECT_EQ(said(found, "finding cudnn skipped:").find("not tried"), 0U);
  EXPECT_EQ(said(found, "auto"), "cuda:0");
}

TEST_F(Fakes, AForkAfterCudaSaysSo) {
  const Outcome required = run({"open:cuda", "fork:cuda"});
  const std::string pids = said(required, "pids");
  const std::size_t space = pids.find(' ');
  EXPECT_EQ(said(required, "code"), "MN-P13");
  EXPECT_EQ(said(required, "what"), "minnow was forked after CUDA was initialised (parent pid " +
                                        pids.substr(0, space) + ", now " + pids.substr(space + 1) +
                                        "); CUDA cannot work here.");
  EXPECT_EQ(said(required, "remedy"),
            "start the worker with exec/spawn or create the device after fork");
  const Outcome fallen = run({"open:cuda", "fork:auto"});
  EXPECT_EQ(said(fallen, "device"), "cpu");
  EXPECT_EQ(said(fallen, "code"), "MN-P13");
  EXPECT_EQ(said(fallen, "effect"), "running on the CPU");
  // Only looking is no initialisation.
  EXPECT_EQ(said(run({"report", "fork:cuda"}), "device"), "cuda:0");
}

}  // namespace
}  // namespace minnow::test
