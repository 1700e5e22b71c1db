#pragma once

/// Data sets by name, read from the files of Debian packages or made here.

#include <minnow/program.h>
#include <minnow/tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace minnow::command {

struct Dataset {
  Tensor x_train = {};
  Tensor y_train = {};  // labels (rows) for a classification, else values (rows, outputs)
  Tensor x_test = {};   // empty when there is no test set
  Tensor y_test = {};
  std::int64_t classes = 0;       // 0: a regression
  InputTransform transform = {};  // what a model should do to x before its first layer
};

struct DatasetInfo {
  std::string name;
  std::string package;  // the Debian package that has the files; empty: made here
};
const std::vector<DatasetInfo>& dataset_infos();
std::string dataset_names();  // "fashion-mnist, digits, iris, ..."

/// `seed` decides what is made, and how a set without a test set of its own is split (80/20).
/// `root` stands before every path, so that tests can bring their own files.
/// @throws UsageError for an unknown name; InvalidArgument (MN-P09) for a package that is not
/// installed, with its apt-get line; IoError; FormatError.
Dataset load_dataset(const std::string& name, std::uint64_t seed, const std::string& root = "");

/// Whether load_dataset() would find the files; reads none of them. @throws UsageError.
bool dataset_installed(const std::string& name, const std::string& root = "");

}  // namespace minnow::command
