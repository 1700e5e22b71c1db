// Files as evidence: versions, rights, libraries that are not whole, and the probe's lines.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "machine.h"
#include "machine/damage.h"
#include "machine/elf_file.h"
#include "machine/evidence.h"
#include "machine/library_search.h"
#include "machine/probe_report.h"
#include "machine/vendor_text.h"

namespace minnow::machine {
namespace {

TEST(Files, FirstVersion) {
  EXPECT_EQ(first_version("NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.172.08  Tue"),
            "570.172.08");
  EXPECT_EQ(first_version("NVIDIA UNIX Open Kernel Module for x86_64  595.71.05  Release"),
            "595.71.05");
  EXPECT_EQ(first_version("libcuda.so.470.42"), "470.42");
  EXPECT_EQ(first_version("libcuda.so.1"), "");
  EXPECT_EQ(first_version("1.2.3.4"), "1.2.3");
}

TEST(Files, RightsOfAProcess) {
  EXPECT_TRUE(may_use(0660, 0, 44, 0, {}));
  EXPECT_FALSE(may_use(0660, 0, 44, 1000, {1000}));
  EXPECT_TRUE(may_use(0660, 0, 44, 1000, {1000, 44}));
  EXPECT_TRUE(may_use(0666, 0, 0, 1000, {1000}));
  EXPECT_FALSE(may_use(0066, 1000, 0, 1000, {1000}));
}

TEST(Files, AMachineWithEverything) {
  test::Machine machine;
  machine.gpu_on_pci().gpu_in_module().nodes().module("595.71.05");
  machine.file("/proc/1/cgroup", "0::/kubepods/pod1\n").file("/proc/version", "Linux Microsoft");
  machine.file("/sys/bus/pci/devices/0000:00:1f.3/vendor", "0x8086\n");
  // The GPU's own sound device is none.
  machine.file("/sys/bus/pci/devices/0000:65:00.1/vendor", "0x10de\n");
  machine.file("/sys/bus/pci/devices/0000:65:00.1/class", "0x040300\n");
  setenv("MINNOW_SYSROOT", machine.root().c_str(), 1);
  const Evidence evidence = look_at_machine();
  unsetenv("MINNOW_SYSROOT");
  ASSERT_EQ(evidence.pci.size(), 1U);
  EXPECT_EQ(evidence.pci[0].address, "0000:65:00.0");
  EXPECT_EQ(evidence.pci[0].device, "2330");
  ASSERT_EQ(evidence.gpus.size(), 1U);
  EXPECT_EQ(evidence.gpus[0].model, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(evidence.gpus[0].uuid, "GPU-1");
  EXPECT_EQ(evidence.nodes.size(), 3U);
  EXPECT_EQ(evidence.kernel_module, "595.71.05");
  EXPECT_EQ(evidence.container, "/proc/1/cgroup names kubepods");
  EXPECT_TRUE(evidence.wsl);
  EXPECT_FALSE(evidence.dxg);
}

// A library of this process that is a plain file.
std::string some_library() { return loaded_file("libstdc++.so.6"); }

TEST(Elf, SaysWhatItNeeds) {
  const ElfFile whole = read_elf(some_library());
  EXPECT_GT(whole.needed, 100000U);
  EXPECT_LE(whole.needed, whole.bytes);
  EXPECT_FALSE(whole.truncated());
  EXPECT_NE(std::find(whole.libraries.begin(), whole.libraries.end(), "libc.so.6"),
            whole.libraries.end());
  EXPECT_FALSE(damage_by_size(some_library(), ""));
  EXPECT_FALSE(read_elf("/nowhere").truncated());
}

TEST(Elf, TruncatedFilesAreNamedWithTheirNumbers) {
  const test::Place place;
  const std::string file = place / "libcudnn_ops.so.9";
  std::filesystem::copy_file(some_library(), file);
  const auto needed = read_elf(file).needed;
  std::filesystem::resize_file(file, 1'100'000);
  ASSERT_TRUE(read_elf(file).truncated());
  const auto damage = damage_by_size(file, " crashed the probe with SIGBUS");
  ASSERT_TRUE(damage);
  EXPECT_EQ(damage->code, Code("MN-L05"));
  EXPECT_EQ(damage->what, "a CUDA library file is damaged.");
  EXPECT_EQ(damage->evidence, "loading " + file +
                                  " (1.1 MB) crashed the probe with SIGBUS; its ELF header needs " +
                                  megabytes(static_cast<double>(needed)));
  EXPECT_EQ(damage->remedy, "reinstall cuDNN");
}

TEST(Elf, AnythingIsReadWithoutHarm) {
  const test::Place place;
  std::string bytes = test::Place().path();
  for (std::size_t size : {0U, 3U, 4U, 64U, 400U}) {
    std::string content(size, '\xFF');
    const std::string magic =
        "\x7F"
        "ELF\x02\x01";
    content.replace(0, std::min(size, magic.size()), magic.substr(0, std::min(size, magic.size())));
    place.write("lib", content);
    EXPECT_TRUE(read_elf(place / "lib").libraries.empty());
  }
}

TEST(Loader, ItsWordsAsEvidence) {
  EXPECT_EQ(loader_text("libcuda.so.1",
                        "libcuda.so.1: cannot open shared object file: No such file or directory"),
            "dlopen(libcuda.so.1): cannot open shared object file");
  // It may name another library: one that this one needs.
  EXPECT_EQ(loader_text("/x/libminnow_cuda.so", "libcudart.so.13: cannot open shared object file"),
            "dlopen(libcudart.so.13): cannot open shared object file");
  EXPECT_EQ(damage_by_loader("a", "/opt/libcudart.so.13: file too short")->remedy,
            "reinstall the CUDA runtime");
  EXPECT_FALSE(damage_by_loader("a", "libcudart.so.13: cannot open shared object file"));
}

TEST(ProbeLines, GoThereAndBack) {
  ProbeReport read;
  const Reporter report([&read](std::string_view key, std::string_view value) {
    const std::string line = escaped(value);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    read.apply(key, unescaped(line));
  });
  report.say(kProbeHello, kProbeProtocol);
  report.topic("driver");
  report.step("loading \\ x", "/y\nz");
  const Failure failure{
      .code = "MN-D07", .what = "a.", .evidence = "b\nc", .remedy = "d", .effect = "e"};
  report.finding(
      {.topic = "driver", .verdict = Verdict::problem, .text = "text", .failure = failure});
  ProbedDevice device;
  device.fact.name = "cuda:0";
  device.fact.memory_total = 1LL << 40;
  device.failure = failure;
  report.device(device);
  LibraryFact library;
  library.name = "cudnn";
  library.found = "9.19.0";
  report.library(library);
  EXPECT_FALSE(read.complete);
  report.say("end", "");
  EXPECT_TRUE(read.complete);
  EXPECT_EQ(read.step, "loading \\ x");
  EXPECT_EQ(read.file, "/y\nz");
  ASSERT_EQ(read.findings.size(), 1U);
  EXPECT_EQ(read.findings[0].verdict, Verdict::problem);
  EXPECT_EQ(read.findings[0].failure->evidence, "b\nc");
  ASSERT_EQ(read.devices.size(), 1U);
  EXPECT_EQ(read.devices[0].fact.memory_total, 1LL << 40);
  EXPECT_EQ(read.devices[0].failure->remedy, "d");
  ASSERT_EQ(read.libraries.size(), 1U);
  EXPECT_EQ(read.libraries[0].found, "9.19.0");
}

TEST(ProbeLines, GarbageChangesNothing) {
  ProbeReport read;
  for (const char* key : {"end", "finding", "", "finding.text", "device.usable", "\xFF"}) {
    read.apply(key, "1");
  }
  EXPECT_FALSE(read.started || read.complete);
  read.apply(kProbeHello, "1");
  read.apply("finding.verdict", "9");
  read.apply("device.memory_free", "12x");
  EXPECT_TRUE(read.findings.empty() && read.devices.empty());
}

}  // namespace
}  // namespace minnow::machine
