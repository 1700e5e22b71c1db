#include "devices/device_facts.h"
#include "devices/device_json.h"
#include "devices/device_table.h"
#include "devices/doctor_table.h"
#include "expect.h"
#include "reports.h"
#include "terminal/printable.h"

namespace minnow::test {
namespace {

using command::Exit;
using command::Terminal;

Terminal terminal_of(bool utf8) {
  Terminal terminal;
  terminal.utf8 = utf8;
  terminal.symbols = command::symbols_of(utf8);
  return terminal;
}

std::string doctor(const DeviceReport& report, bool utf8 = true) {
  return command::doctor_text(report, terminal_of(utf8));
}

std::string devices(const DeviceReport& report) {
  return command::devices_text(report, terminal_of(true));
}

TEST(DoctorText, WithoutHardwareNothingIsAProblem) {
  EXPECT_EQ(
      doctor(plain_machine()),
      R"(minnow doctor 0.1.0 — can it train, and on what?                                          g++ 12.2.0
 ✓ CPU        AMD EPYC 9R14, 2 threads, 18.0 of 23.5 GiB free
              kernels x86-64-v4 (AVX-512)
 – hardware   no NVIDIA hardware found
 – driver     not needed
 – plugin     not needed
 – device     not tried
 result: no problem. Training works on: cpu.   --device=auto -> cpu   --device=cuda -> exit 69
)");
  EXPECT_EQ(command::doctor_exit(plain_machine(), ""), Exit::ok);
  EXPECT_EQ(command::doctor_exit(plain_machine(), "cpu"), Exit::ok);
  EXPECT_EQ(command::doctor_exit(plain_machine(), "cuda"), Exit::device);
}

TEST(DoctorText, AProblemHasEvidenceRemedyAndCode) {
  EXPECT_EQ(
      doctor(no_driver()),
      R"(minnow doctor 0.1.0 — can it train, and on what?                                          g++ 12.2.0
 ✓ CPU        AMD EPYC 9R14, 2 threads, 18.0 of 23.5 GiB free
              kernels x86-64-v4 (AVX-512)
 ✓ hardware   NVIDIA H100 80GB HBM3 (PCI 0000:65:00.0)
 ✗ driver     no NVIDIA driver is installed                                                 [MN-D01]
              evidence: dlopen(libcuda.so.1): cannot open shared object file
                        PCI shows NVIDIA device 0000:65:00.0 (10de:2330)
              remedy:   install NVIDIA driver 580 or newer
 – device     not tried (driver check failed)
 result: 1 problem. Training works on: cpu.   --device=auto -> cpu   --device=cuda -> exit 69
)");
  EXPECT_EQ(command::doctor_exit(no_driver(), ""), Exit::problem);
  EXPECT_EQ(command::doctor_exit(no_driver(), "cuda"), Exit::device);
}

TEST(DoctorText, InAsciiTheColumnsStay) {
  EXPECT_EQ(
      doctor(working_gpu(), false),
      R"(minnow doctor 0.1.0 - can it train, and on what?                                          g++ 12.2.0
 [ok] CPU        AMD EPYC 9R14, 2 threads, 18.0 of 23.5 GiB free
                 kernels x86-64-v4 (AVX-512)
 [ok] hardware   NVIDIA H100 80GB HBM3 (PCI 0000:65:00.0)
 [ok] driver     580.95.05 (CUDA 13.0)
 [ok] cublasLt   13.1.0 | built for 13.1
 [!!] cudnn      graph 9.18.0, ops 9.19.0 - mixed                                           [MN-L06]
                 cuDNN libraries of two versions are mixed
                 evidence: libcudnn_graph.so.9 = 9.18.0 (/usr/lib), libcudnn_ops.so.9 = 9.19.0 (/opt/cuda/lib)
                 remedy:   make both come from one place
 [ok] device     cuda:0 NVIDIA H100 80GB HBM3, sm_90
 result: no problem. Training works on: cpu, cuda:0.   --device=auto -> cuda:0   --device=cuda -> cuda:0
)");
}

TEST(DoctorText, ANoteIsNoProblem) {
  EXPECT_TRUE(contains(doctor(working_gpu()), " ! cudnn      graph 9.18.0, ops 9.19.0 — mixed"));
  EXPECT_EQ(command::doctor_exit(working_gpu(), ""), Exit::ok);
  EXPECT_EQ(command::doctor_exit(working_gpu(), "cuda"), Exit::ok);
  EXPECT_EQ(command::doctor_exit(working_gpu(), "cuda:1"), Exit::device);
}

TEST(DoctorText, AProblemBesideAWorkingGpuIsCounted) {
  const std::string text = doctor(two_gpus());
  EXPECT_TRUE(contains(text, " ✗ device     cuda:1 NVIDIA GeForce GTX 1080, sm_61   "));
  EXPECT_TRUE(contains(text,
                       "[MN-D10]\n"
                       "              it has compute capability 6.1\n"
                       "              remedy:   use another GPU\n"));
  EXPECT_TRUE(contains(text, " result: 1 problem. Training works on: cpu, cuda:0. "));
  EXPECT_EQ(count_of(text, "evidence: "), 1U) << "an empty part has no line:\n" << text;
  EXPECT_EQ(command::doctor_exit(two_gpus(), ""), Exit::problem);
  EXPECT_EQ(command::doctor_exit(two_gpus(), "cuda"), Exit::problem);
  EXPECT_EQ(command::doctor_exit(two_gpus(), "cuda:1"), Exit::device);
}

TEST(DoctorText, WhatTheRowSaysIsNotRepeated) {
  DeviceReport report = no_driver();
  const std::string row = " ✗ driver     no NVIDIA driver is installed   ";
  const std::string expected = doctor(report);
  EXPECT_TRUE(contains(expected, row));
  for (const std::string text : {"", "GPU not used: no NVIDIA driver is installed."}) {
    report.findings[2].text = text;
    EXPECT_EQ(doctor(report), expected) << text;
  }
}

TEST(DoctorText, NoDeviceAtAll) {
  DeviceReport report = no_driver();
  report.devices.front().usable = false;
  report.findings.front().verdict = Verdict::problem;
  report.auto_device = "";
  EXPECT_TRUE(contains(doctor(report),
                       " result: 2 problems. Training works on: no device.   --device=auto -> "
                       "exit 69   --device=cuda -> exit 69\n"));
}

TEST(DoctorText, WhyADeviceIsNotUsable) {
  using command::why_not_usable;
  EXPECT_EQ(why_not_usable(plain_machine(), "cuda"),
            "cuda cannot be used: this machine shows none.");
  EXPECT_EQ(why_not_usable(no_driver(), "cuda"),
            "cuda cannot be used: no NVIDIA driver is installed.");
  EXPECT_EQ(why_not_usable(two_gpus(), "cuda:1"),
            "cuda:1 cannot be used: it has compute capability 6.1.");
  EXPECT_EQ(why_not_usable(two_gpus(), "cuda:2"),
            "cuda:2 cannot be used: this machine shows none.");
}

TEST(DoctorText, ALongLineKeepsItsCode) {
  DeviceReport report = no_driver();
  report.findings[2].text = std::string(120, 'x');
  report.findings[2].failure->what = "x.";
  EXPECT_TRUE(contains(doctor(report), std::string(120, 'x') + "  [MN-D01]\n"));
}

TEST(DoctorText, ColourIsTheSymbolsAlone) {
  Terminal terminal = terminal_of(true);
  terminal.out_color = true;
  const std::string text = command::doctor_text(two_gpus(), terminal);
  EXPECT_TRUE(contains(text, " \x1b[32m✓\x1b[0m CPU"));
  EXPECT_TRUE(contains(text, " \x1b[33m!\x1b[0m cudnn"));
  EXPECT_TRUE(contains(text, " \x1b[31m✗\x1b[0m device"));
  std::string plain = text;
  for (const char* code : {"\x1b[0m", "\x1b[31m", "\x1b[32m", "\x1b[33m"}) {
    for (auto at = plain.find(code); at != std::string::npos; at = plain.find(code)) {
      plain.erase(at, std::string_view(code).size());
    }
  }
  EXPECT_EQ(plain, doctor(two_gpus()));
}

TEST(DoctorText, MemoryThatIsNotKnownIsNotShown) {
  DeviceReport report = plain_machine();
  report.devices.front().memory_total = -1;
  EXPECT_TRUE(contains(doctor(report), "2 threads, 18.0 GiB free\n"));
  report.devices.front().memory_free = -1;
  EXPECT_TRUE(contains(doctor(report), "AMD EPYC 9R14, 2 threads\n"));
}

TEST(DevicesText, NumbersStandBelowEachOther) {
  EXPECT_EQ(devices(two_gpus()),
            R"(NAME     KIND   DESCRIPTION                MEMORY free/total   COMPUTE         USABLE
cpu      CPU    AMD EPYC 9R14, 2 threads   18.0 / 23.5 GiB     x86-64-v4       yes
cuda:0   CUDA   NVIDIA H100 80GB HBM3      78.6 / 79.2 GiB     sm_90, 132 SM   yes (what auto picks)
cuda:1   CUDA   NVIDIA GeForce GTX 1080       - /  8.0 GiB     sm_61           no: it has compute capability 6.1
)");
}

TEST(DeviceTexts, AutoMayBeANameThatStandsForADevice) {
  DeviceReport report = two_gpus();
  report.auto_device = "cuda";
  EXPECT_EQ(devices(report), devices(two_gpus()));
  EXPECT_EQ(doctor(report), doctor(two_gpus()));
  report.auto_device = "cuda:1";
  EXPECT_EQ(count_of(devices(report), "what auto picks"), 0U);
  EXPECT_TRUE(contains(doctor(report), "   --device=auto -> exit 69   "));
}

TEST(DevicesText, TheCpuAlone) {
  EXPECT_EQ(devices(plain_machine()),
            R"(NAME   KIND   DESCRIPTION                MEMORY free/total   COMPUTE     USABLE
cpu    CPU    AMD EPYC 9R14, 2 threads   18.0 / 23.5 GiB     x86-64-v4   yes (what auto picks)
)");
}

TEST(DevicesText, WhatIsNotKnownIsADash) {
  DeviceReport report = plain_machine();
  report.devices = {DeviceFact{}};
  report.devices.front().name = "cuda:0";
  report.devices.front().kind = "CUDA";
  EXPECT_TRUE(contains(devices(report),
                       "cuda:0   CUDA   -             -                   -         no\n"));
}

// A name comes from a driver, a path from a file system.
TEST(DeviceTexts, NothingInThemSteersTheTerminal) {
  DeviceReport report = two_gpus();
  const std::string bad = "GPU\x1b[2J\r\x07\x7f\xc2\x9b\xff\xe2\x80\xae.";
  report.version = report.compiler = report.auto_device = bad;
  for (auto& finding : report.findings) {
    finding.topic = finding.text = bad;
    if (finding.failure) finding.failure = Failure{Code::of(bad), bad, bad, bad, bad};
  }
  for (auto& device : report.devices) {
    device.name = device.kind = device.description = device.compute = device.reason = bad;
  }
  const std::string safe = R"(GPU\x1b[2J\x0d\x07\x7f\xc2\x9b\xff\xe2\x80\xae.)";
  for (const auto& text : {doctor(report), doctor(report, false), devices(report)}) {
    EXPECT_TRUE(contains(text, safe));
    EXPECT_EQ(text.find_first_of("\x1b\r\x07\x7f\xff"), std::string::npos) << text;
  }
  for (const char letter : doctor(report, false)) {
    ASSERT_LT(static_cast<unsigned char>(letter), 0x80U);
  }
}

TEST(Printable, KeepsWhatIsText) {
  EXPECT_EQ(command::printable("Größe 5 µs — ✓ 日本", true), "Größe 5 µs — ✓ 日本");
  EXPECT_EQ(command::printable("max|Δw| ±1 · a — b × c – d", false), "max|dw| +-1 | a - b x c - d");
  EXPECT_EQ(command::printable("µ", false), R"(\xc2\xb5)");
  // Overlong, a surrogate, above the last character, cut off.
  EXPECT_EQ(command::printable("\xc0\xaf", true), R"(\xc0\xaf)");
  EXPECT_EQ(command::printable("\xe0\x80\xaf", true), R"(\xe0\x80\xaf)");
  EXPECT_EQ(command::printable("\xed\xa0\x80", true), R"(\xed\xa0\x80)");
  EXPECT_EQ(command::printable("\xf4\x90\x80\x80", true), R"(\xf4\x90\x80\x80)");
  EXPECT_EQ(command::printable("a\xe2\x80", true), R"(a\xe2\x80)");
}

TEST(DeviceJson, HasEveryFactOfTheReport) {
  const auto report = two_gpus();
  const auto lines = json_of(command::doctor_json(report, Exit::problem));
  ASSERT_EQ(lines.size(), 1U);
  const auto& doctor = lines[0]["doctor"];
  EXPECT_EQ(doctor["version"], "0.1.0");
  EXPECT_EQ(doctor["driver"], "580.95.05");
  EXPECT_EQ(doctor["driver_cuda"], "13.0");
  EXPECT_EQ(doctor["auto"], "cuda:0");
  EXPECT_EQ(doctor["cuda"], "cuda:0");
  EXPECT_EQ(doctor["problems"], 1);
  EXPECT_EQ(doctor["exit"], 1);
  EXPECT_EQ(doctor["probe_milliseconds"], 312.5);
  ASSERT_EQ(doctor["checks"].size(), report.findings.size());
  EXPECT_EQ(doctor["checks"][0]["verdict"], "good");
  EXPECT_FALSE(doctor["checks"][0].contains("failure"));
  EXPECT_EQ(doctor["checks"][4]["verdict"], "note");
  EXPECT_EQ(doctor["checks"][4]["failure"]["code"], "MN-L06");
  EXPECT_EQ(doctor["checks"][6]["verdict"], "problem");
  EXPECT_EQ(doctor["checks"][6]["failure"]["evidence"], nullptr);
  EXPECT_EQ(doctor["libraries"][0]["path"], "/opt/cuda/lib/libcublasLt.so.13.1.0");
  EXPECT_EQ(doctor["libraries"][1]["found"], nullptr);
  EXPECT_EQ(doctor["libraries"][1]["problem"], "dlopen: file too short");
  ASSERT_EQ(doctor["devices"].size(), 3U);
  EXPECT_EQ(doctor["devices"][1]["pci"], "0000:65:00.0");
  EXPECT_EQ(doctor["devices"][2]["memory_free"], nullptr);
  EXPECT_EQ(doctor["devices"][2]["usable"], false);

  const auto list = json_of(command::devices_json(report));
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["devices"], doctor["devices"]);
  EXPECT_EQ(list[0]["auto"], "cuda:0");
}

TEST(DeviceJson, WhatIsNotThereIsNull) {
  const auto lines = json_of(command::doctor_json(plain_machine(), Exit::ok));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["doctor"]["driver"], nullptr);
  EXPECT_EQ(lines[0]["doctor"]["cuda"], nullptr);
  EXPECT_EQ(lines[0]["doctor"]["checks"][1]["verdict"], "skipped");
}

}  // namespace
}  // namespace minnow::test
