// The process that tries things may crash, hang, talk nonsense or be missing.

#include <fstream>

#include "machine.h"

namespace minnow::test {
namespace {

class Probe : public ::testing::Test {
 protected:
  Probe() { machine_.gpu_on_pci().nodes(); }

  Outcome open_with(const std::string& probe, const std::string& driver,
                    const std::string& more = "MINNOW_PROBE_TIMEOUT_MS=20000") const {
    return machine_.run(
        {"report", "open:auto"},
        {driver_path(), "MINNOW_PROBE=" + probe, "FAKE_CUDA_DRIVER=version=14000," + driver, more});
  }
  const Machine& machine() const { return machine_; }

 private:
  Machine machine_;
};

constexpr const char* kDriver = MINNOW_DRIVER_DIR "/libcuda.so.1";

TEST_F(Probe, ADriverThatCrashesIsNamed) {
  const Outcome found = open_with(MINNOW_PROBE_FILE, "crash=1");
  EXPECT_EQ(said(found, "device"), "cpu");
  EXPECT_EQ(said(found, "code"), "MN-D14");
  EXPECT_EQ(said(found, "what"), "GPU not used: its check crashed while calling cuInit.");
  EXPECT_EQ(said(found, "evidence"), std::string(kDriver) + ": minnow-probe was ended by SIGABRT");
  EXPECT_EQ(said(found, "remedy"), "reinstall the NVIDIA driver");
}

TEST_F(Probe, ADriverThatHangsIsEnded) {
  const Outcome found = open_with(MINNOW_PROBE_FILE, "hang=1", "MINNOW_PROBE_TIMEOUT_MS=300");
  EXPECT_EQ(said(found, "device"), "cpu");
  EXPECT_EQ(said(found, "what"), "GPU not used: its check hung while calling cuInit.");
  EXPECT_EQ(said(found, "evidence"),
            std::string(kDriver) + ": minnow-probe gave no answer in 0.3 s");
  EXPECT_EQ(said(found, "remedy"),
            "look at nvidia-smi and dmesg; a driver that hangs needs a reboot");
}

TEST_F(Probe, WhatItWroteBeforeItDiedIsEvidence) {
  const std::string script = machine().script(
      "echo 'minnow-probe 1'; echo 'topic driver'; echo 'step calling cuInit'\n"
      "echo 'Cannot load symbol' >&2; kill -SEGV $$");
  const Outcome found = open_with(script, "code=0");
  EXPECT_EQ(said(found, "what"), "GPU not used: its check crashed while calling cuInit.");
  EXPECT_EQ(said(found, "evidence"),
            "minnow-probe was ended by SIGSEGV; it wrote: Cannot load symbol");
}

TEST_F(Probe, NonsenseIsNotBelieved) {
  for (const char* text : {"echo hello", "head -c 300000 /dev/zero", "exit 3", "echo 'end '",
                           "echo 'minnow-probe 99'; echo 'end '"}) {
    const Outcome found = open_with(machine().script(text), "code=0");
    EXPECT_EQ(said(found, "device"), "cpu");
    EXPECT_EQ(said(found, "what"), "GPU not used: minnow-probe gave no answer that can be read.")
        << text;
    EXPECT_EQ(said(found, "remedy"), "install libminnow and minnow-probe of one build");
  }
}

TEST_F(Probe, WithoutItTheLadderGoesOnHere) {
  const std::string plain = machine().at("plain");
  std::ofstream(plain) << "no program";
  for (const auto& [probe, why] : std::vector<std::pair<std::string, std::string>>{
           {machine().at("absent"), " cannot be started: No such file or directory"},
           {plain, " cannot be started: Permission denied"}}) {
    const Outcome found = open_with(probe, "code=803");
    EXPECT_EQ(said(found, "device"), "cpu");
    EXPECT_EQ(said(found, "finding driver note:"),
              probe + why + "; the libraries are tried inside this process");
#ifdef MINNOW_PLUGIN_FILE
    EXPECT_EQ(said(found, "code"), "MN-D04");
    EXPECT_NE(
        said(found, "evidence").find("cudaGetDeviceCount -> 803 cudaErrorSystemDriverMismatch"),
        std::string::npos);
#else
    EXPECT_EQ(said(found, "code"), "MN-L11");
#endif
  }
}

TEST_F(Probe, AHelperThatKeepsItsOutputOpenIsNotWaitedFor) {
  const std::string script = machine().script(
      "sleep 30 >/dev/null 2>&1 &\n echo 'minnow-probe 1'; echo 'finding driver';"
      "echo 'finding.verdict 2'; echo 'finding.text no.'; echo 'finding.failure.code MN-D07';"
      "echo 'finding.failure.what no.'; echo 'end '");
  const Outcome found = open_with(script, "code=0", "MINNOW_PROBE_TIMEOUT_MS=9000");
  EXPECT_EQ(said(found, "code"), "MN-D07");
}

}  // namespace
}  // namespace minnow::test
