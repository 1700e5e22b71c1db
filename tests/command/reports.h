#pragma once

/// Hand-made reports of machines that no test machine is.

#include <minnow/device_report.h>

#include <utility>

namespace minnow::test {

inline Finding finding(const char* topic, Verdict verdict, const char* text) {
  return {.topic = topic, .verdict = verdict, .text = text};
}

inline DeviceFact cpu_fact() {
  DeviceFact cpu;
  cpu.name = "cpu";
  cpu.kind = "CPU";
  cpu.description = "AMD EPYC 9R14, 2 threads";
  cpu.memory_total = std::int64_t{47} << 29;  // 23.5 GiB
  cpu.memory_free = std::int64_t{18} << 30;
  cpu.compute = "x86-64-v4";
  cpu.usable = true;
  return cpu;
}

inline DeviceFact h100_fact() {
  DeviceFact gpu;
  gpu.name = "cuda:0";
  gpu.kind = "CUDA";
  gpu.description = "NVIDIA H100 80GB HBM3";
  gpu.pci = "0000:65:00.0";
  gpu.memory_total = 85'040'000'000;
  gpu.memory_free = 84'396'000'000;
  gpu.compute = "sm_90, 132 SM";
  gpu.usable = true;
  return gpu;
}

inline DeviceFact gtx1080_fact() {
  DeviceFact gpu;
  gpu.name = "cuda:1";
  gpu.kind = "CUDA";
  gpu.description = "NVIDIA GeForce GTX 1080";
  gpu.pci = "0000:66:00.0";
  gpu.memory_total = std::int64_t{8} << 30;
  gpu.compute = "sm_61";
  gpu.reason = "GPU not used: it has compute capability 6.1.";
  return gpu;
}

inline LibraryFact library(const char* name, const char* version, const char* path,
                           const char* problem) {
  return {
      .name = name, .built_against = version, .found = version, .path = path, .problem = problem};
}

inline DeviceReport report_of_cpu() {
  DeviceReport report;
  report.version = "0.1.0";
  report.compiler = "g++ 12.2.0";
  report.findings = {
      finding("CPU", Verdict::good, "AMD EPYC 9R14, 2 threads\nkernels x86-64-v4 (AVX-512)")};
  report.devices = {cpu_fact()};
  report.auto_device = "cpu";
  return report;
}

/// No NVIDIA hardware.
inline DeviceReport plain_machine() {
  DeviceReport report = report_of_cpu();
  for (const auto& [topic, text] : {std::pair{"hardware", "no NVIDIA hardware found"},
                                    {"driver", "not needed"},
                                    {"plugin", "not needed"},
                                    {"device", "not tried"}}) {
    report.findings.push_back(finding(topic, Verdict::skipped, text));
  }
  return report;
}

inline DeviceReport no_driver() {
  DeviceReport report = report_of_cpu();
  report.findings.push_back(
      finding("hardware", Verdict::good, "NVIDIA H100 80GB HBM3 (PCI 0000:65:00.0)"));
  report.findings.push_back(
      {.topic = "driver",
       .verdict = Verdict::problem,
       .text = "no NVIDIA driver is installed",
       .failure = Failure{.code = "MN-D01",
                          .what = "GPU not used: no NVIDIA driver is installed.",
                          .evidence = "dlopen(libcuda.so.1): cannot open shared object file\n"
                                      "PCI shows NVIDIA device 0000:65:00.0 (10de:2330)",
                          .remedy = "install NVIDIA driver 580 or newer"}});
  report.findings.push_back(finding("device", Verdict::skipped, "not tried (driver check failed)"));
  return report;
}

/// With cuDNN mixed from two versions, which does not keep the GPU from work.
inline DeviceReport working_gpu() {
  DeviceReport report = report_of_cpu();
  report.driver = "580.95.05";
  report.kernel_module = "580.95.05";
  report.driver_cuda = "13.0";
  report.findings.push_back(
      finding("hardware", Verdict::good, "NVIDIA H100 80GB HBM3 (PCI 0000:65:00.0)"));
  report.findings.push_back(finding("driver", Verdict::good, "580.95.05 (CUDA 13.0)"));
  report.findings.push_back(finding("cublasLt", Verdict::good, "13.1.0 · built for 13.1"));
  report.findings.push_back(
      {.topic = "cudnn",
       .verdict = Verdict::note,
       .text = "graph 9.18.0, ops 9.19.0 — mixed",
       .failure = Failure{.code = "MN-L06",
                          .what = "cuDNN libraries of two versions are mixed.",
                          .evidence = "libcudnn_graph.so.9 = 9.18.0 (/usr/lib), "
                                      "libcudnn_ops.so.9 = 9.19.0 (/opt/cuda/lib)",
                          .remedy = "make both come from one place",
                          .effect = "own kernels are used"}});
  report.findings.push_back(
      finding("device", Verdict::good, "cuda:0 NVIDIA H100 80GB HBM3, sm_90"));
  report.libraries = {library("cublasLt", "13.1.0", "/opt/cuda/lib/libcublasLt.so.13.1.0", ""),
                      library("cudnn_graph", "", "", "dlopen: file too short")};
  report.devices.push_back(h100_fact());
  report.auto_device = "cuda:0";
  report.probe_milliseconds = 312.5;
  return report;
}

inline DeviceReport two_gpus() {
  DeviceReport report = working_gpu();
  report.devices.push_back(gtx1080_fact());
  report.findings.push_back(
      {.topic = "device",
       .verdict = Verdict::problem,
       .text = "cuda:1 NVIDIA GeForce GTX 1080, sm_61",
       .failure = Failure{.code = "MN-D10",
                          .what = "GPU not used: it has compute capability 6.1.",
                          .remedy = "use another GPU"}});
  return report;
}

}  // namespace minnow::test
