#pragma once

// A tree that stands for a machine, and what a program says that runs on it.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "process.h"

namespace minnow::test {

/// The least driver of the CUDA that this build is for.
inline const std::string kDriver = std::string(MINNOW_CUDA_SOVERSION) == "12" ? "525" : "580";

class Machine {
 public:
  /// An empty one shows no hardware, whatever this machine has.
  Machine() { std::filesystem::create_directories(root()); }

  std::string root() const { return place_ / "root"; }
  std::string at(const std::string& name) const { return place_ / name; }
  const Place& place() const { return place_; }

  Machine& file(const std::string& path, const std::string& text) {
    const std::string whole = "root" + path;
    std::filesystem::create_directories(std::filesystem::path(place_ / whole).parent_path());
    place_.write(whole, text);
    return *this;
  }
  Machine& gpu_on_pci(const std::string& address = "0000:65:00.0") {
    const std::string folder = "/sys/bus/pci/devices/" + address + "/";
    file(folder + "vendor", "0x10de\n");
    file(folder + "device", "0x2330\n");
    return file(folder + "class", "0x030200\n");
  }
  Machine& gpu_in_module(const std::string& address = "0000:65:00.0",
                         const std::string& uuid = "GPU-1") {
    return file("/proc/driver/nvidia/gpus/" + address + "/information",
                "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 24\nGPU UUID: \t " + uuid + "\n");
  }
  Machine& nodes() {
    return file("/dev/nvidia0", "").file("/dev/nvidiactl", "").file("/dev/nvidia-uvm", "");
  }
  Machine& module(const std::string& version) {
    return file("/proc/driver/nvidia/version",
                "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  " + version +
                    "  Release Build\nGCC version:  gcc version 12.2.0\n");
  }
  /// A program in the place of minnow-probe.
  std::string script(const std::string& text) const {
    place_.write("probe", "#!/bin/sh\n" + text + "\n");
    chmod((place_ / "probe").c_str(), 0755);
    return place_ / "probe";
  }
  /// The fake driver under a path of the test's.
  std::string driver(const std::string& path) const {
    const std::string file = place_ / path;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::filesystem::copy_file(MINNOW_DRIVER_DIR "/libcuda.so.1", file);
    return file;
  }

  Outcome run(const std::vector<std::string>& words, std::vector<std::string> environment) const {
    environment.push_back("MINNOW_SYSROOT=" + root());
    Outcome outcome = test::run(place_, words, {.environment = environment});
    EXPECT_EQ(outcome.exit, 0) << outcome.out << outcome.err;
    EXPECT_EQ(outcome.err, "") << "a library prints nothing";
    return outcome;
  }

 private:
  Place place_;
};

/// What the last line with this first word says; "(no such line)" when there is none.
inline std::string said(const Outcome& outcome, const std::string& word) {
  std::string found = "(no such line)";
  for (const std::string& line : lines_of(outcome.out)) {
    if (line.rfind(word + " ", 0) == 0) found = line.substr(word.size() + 1);
  }
  return found;
}

inline std::string driver_path() { return "LD_LIBRARY_PATH=" MINNOW_DRIVER_DIR; }

}  // namespace minnow::test
