#pragma once

/// Data sets by name, read from the files of Debian packages or built in.
///
///     minnow::Dataset data = minnow::load_dataset("fashion-mnist");
///     // data.x_train (60000, 28, 28) u8, data.y_train (60000) u8

#include <minnow/export.h>
#include <minnow/program.h>
#include <minnow/tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace minnow {

struct Dataset {
  std::string name = {};
  Tensor x_train = {};
  Tensor y_train = {};  // labels (rows) for a classification, else values (rows, outputs)
  Tensor x_test = {};   // empty when there is no test set
  Tensor y_test = {};
  std::int64_t classes = 0;                   // 0: a regression
  std::vector<std::string> class_names = {};  // empty: the label itself
  InputTransform transform = {};              // what a model should do to x before its first layer
};

struct DatasetInfo {
  std::string name;
  std::string package;  // the Debian package that has the files; empty: built in
  std::string description;
};
MINNOW_API const std::vector<DatasetInfo>& dataset_infos();

/// `seed` decides what the built-in sets contain and how sets without a test set of their own are
/// split (80/20). `root` stands before every path, so that tests can bring their own files.
/// @throws InvalidArgument for an unknown name (lists the names) or a package that is not installed
/// (gives the apt-get line); IoError; FormatError.
MINNOW_API Dataset load_dataset(const std::string& name, std::uint64_t seed = 0,
                                const std::string& root = "");

/// Whether load_dataset() would find the files of a data set; reads none of them.
/// @throws InvalidArgument for an unknown name (lists the names).
MINNOW_API bool dataset_installed(const std::string& name, const std::string& root = "");

/// Mean 0 and standard deviation 1 per feature of x (rows, ...); a constant feature keeps scale 1.
MINNOW_API InputTransform standardize(const Tensor& x);

}  // namespace minnow
