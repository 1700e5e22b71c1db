// Libraries of the vendor that are empty, cut off, missing or of two versions. Copies stand first
// on LD_LIBRARY_PATH and go with the test.

#include <minnow/base/files.h>

#include <cstdio>
#include <fstream>
#include <memory>

#include "machine.h"
#include "machine/elf_file.h"
#include "machine/vendor_text.h"

namespace minnow::test {
namespace {

using machine::megabytes;
using machine::read_elf;

class Damage : public ::testing::Test {
 protected:
  Damage() { std::filesystem::create_directories(folder()); }
  std::string folder() const { return machine_.at("lib"); }
  std::string in_folder(const std::string& name) const { return folder() + "/" + name; }

  std::string copy(const std::string& from, const std::string& name) const {
    std::filesystem::copy_file(from, in_folder(name));
    return in_folder(name);
  }
  // Cut off in the middle of what the loader has to read or relocate.
  std::string cut(const std::string& from, const std::string& name) const {
    const std::string file = copy(from, name);
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 4);
    return file;
  }
  std::string empty(const std::string& name) const {
    std::ofstream(in_folder(name)).close();
    return in_folder(name);
  }
  Outcome over_fakes(const std::vector<std::string>& words, const std::string& more = "LC_ALL=C",
                     const std::string& then = MINNOW_FAKES_DIR) const {
    return machine_.run(words,
                        {"LD_LIBRARY_PATH=" + folder() + ":" + then, "FAKE_CUDA=guard=0", more});
  }

 private:
  Machine machine_;
};

std::string crash_text(const std::string& file) {
  const auto elf = read_elf(file);
  return "loading " + file + " (" + megabytes(static_cast<double>(elf.bytes)) +
         ") crashed the probe with SIGBUS; its ELF header needs " +
         megabytes(static_cast<double>(elf.needed));
}

const std::string kVendor = MINNOW_VENDOR_DIR "/";
const std::string kRuntime = "libcudart.so." MINNOW_CUDA_SOVERSION;

TEST_F(Damage, EmptyDriver) {
  const std::string file = empty("libcuda.so.1");
  const Outcome found = over_fakes({"open:auto"});
  EXPECT_EQ(said(found, "device"), "cpu");
  EXPECT_EQ(said(found, "code"), "MN-L05");
  EXPECT_EQ(said(found, "what"), "a CUDA library file is damaged.");
  EXPECT_EQ(said(found, "evidence"), "dlopen(" + file + "): file too short");
  EXPECT_EQ(said(found, "remedy"), "reinstall the NVIDIA driver");
}

TEST_F(Damage, EmptyRuntime) {
  const std::string file = empty(kRuntime);
  const Outcome found = over_fakes({"open:auto"});
  EXPECT_EQ(said(found, "device"), "cpu");
  EXPECT_EQ(said(found, "evidence"), "dlopen(" + file + "): file too short");
  EXPECT_EQ(said(found, "remedy"), "reinstall the CUDA runtime");
}

TEST_F(Damage, RuntimeCutOff) {
  const std::string file = cut(kVendor + kRuntime, kRuntime);
  const Outcome found = over_fakes({"open:auto", "report"});
  EXPECT_EQ(said(found, "device"), "cpu");
  EXPECT_EQ(said(found, "what"), "a CUDA library file is damaged.");
  EXPECT_EQ(said(found, "evidence"), crash_text(file));
  EXPECT_EQ(said(found, "effect"), "nothing was opened");
  // Where there is no other process it is not loaded at all.
  const Outcome alone = over_fakes({"open:auto"}, "MINNOW_PROBE=/nowhere");
  EXPECT_EQ(said(alone, "device"), "cpu");
  EXPECT_EQ(said(alone, "code"), "MN-L05");
}

TEST_F(Damage, EmptyCublasLt) {
  empty("libcublasLt.so." MINNOW_CUDA_SOVERSION);
  const Outcome found = over_fakes({"open:auto"});
  EXPECT_EQ(said(found, "device"), "cpu");
  EXPECT_EQ(said(found, "remedy"), "reinstall cuBLAS");
}

TEST_F(Damage, CudnnCutOffLeavesTheGpuOn) {
  const std::string real = kVendor + "libcudnn_graph.so.9";
  if (!exists(real)) GTEST_SKIP() << "cuDNN is not in the toolkit's folder";
  const std::string file = cut(real, "libcudnn_graph.so.9");
  const Outcome found = over_fakes({"open:auto", "report"});
  EXPECT_EQ(said(found, "device"), "cuda:0");
  EXPECT_EQ(said(found, "finding cudnn note:"), "a CUDA library file is damaged.");
  EXPECT_EQ(said(found, "code"), "MN-L05");
  EXPECT_EQ(said(found, "evidence"), crash_text(file));
  EXPECT_EQ(said(found, "remedy"), "reinstall cuDNN");
  EXPECT_EQ(said(found, "effect"), "minnow's own kernels are used");
}

TEST_F(Damage, NoLibraryAtAll) {
  std::filesystem::copy_file(MINNOW_PROBE_FILE, in_folder("libcudnn_ops.so.9"));
  const Outcome found = over_fakes({"open:auto", "report"});
  EXPECT_EQ(said(found, "device"), "cuda:0");
  EXPECT_EQ(said(found, "evidence"),
            "dlopen(" + in_folder("libcudnn_ops.so.9") +
                "): cannot dynamically load position-independent executable");
}

// The real cuDNN, without a GPU: a copy of one part whose version says another number.
TEST_F(Damage, RealCudnnOfTwoVersions) {
  const std::string real = kVendor + "libcudnn_graph.so.9";
  if (!exists(real)) GTEST_SKIP() << "cuDNN is not in the toolkit's folder";
  const std::string file = copy(real, "libcudnn_graph.so.9");
  const std::unique_ptr<FILE, int (*)(FILE*)> symbols(
      popen(("nm -D '" + file + "' | grep cudnn_graph_version").c_str(), "r"), pclose);
  unsigned long address = 0;
  ASSERT_EQ(std::fscanf(symbols.get(), "%lx", &address), 1);
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  unsigned version = 0;
  bytes.seekg(static_cast<std::streamoff>(address));
  bytes.read(reinterpret_cast<char*>(&version), sizeof version);
  ASSERT_EQ(version >> 16, 9U) << "read-only data stands where it is loaded";
  version -= 1U << 8;
  bytes.seekp(static_cast<std::streamoff>(address));
  bytes.write(reinterpret_cast<const char*>(&version), sizeof version);
  bytes.close();
  const Outcome found =
      over_fakes({"report"}, "FAKE_CUDA_DRIVER=code=100,version=14000", MINNOW_DRIVER_DIR);
  EXPECT_EQ(said(found, "finding driver problem:"), "GPU not used: the driver shows no GPU.");
  EXPECT_EQ(said(found, "finding cudnn note:"),
            "cuDNN libraries of two versions are mixed; cuDNN is not used.");
  const std::string evidence = said(found, "evidence");
  EXPECT_EQ(evidence.find("libcudnn_graph.so.9 = 9."), 0U) << evidence;
  EXPECT_NE(evidence.find(" (" + folder() + "), libcudnn_ops.so.9 = 9."), std::string::npos)
      << evidence;
  EXPECT_NE(evidence.find("; cudnnOpsVersionCheck -> 1002"), std::string::npos) << evidence;
}

}  // namespace
}  // namespace minnow::test
