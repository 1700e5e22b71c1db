#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace minnow::testing {

/// A machine made of files, in place of this one.
class MachineOfFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "minnow-root-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    setenv("MINNOW_SYSROOT", name.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("MINNOW_SYSROOT");
    std::filesystem::remove_all(root_);
  }
  void file(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  std::filesystem::path root_;
};

}  // namespace minnow::testing
