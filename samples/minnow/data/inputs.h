#pragma once

/// The rows that a command works on: a data set by name, or files.

#include <minnow/program.h>
#include <minnow/tensor.h>

#include <cstdint>
#include <string>

#include "arguments/arguments.h"

namespace minnow::command {

struct Inputs {
  std::string name = {};  // "fashion-mnist"; of files, that of x without its extension
  Tensor x = {};          // f32 or u8
  Tensor y = {};
  Tensor test_x = {};  // empty without a test set
  Tensor test_y = {};
  bool from_files = false;
  std::int64_t classes = 0;  // 0: a regression, or not yet known
  std::int64_t outputs = 0;  // numbers that a model has to give for a row; 0: not yet known
  InputTransform transform = {};
  std::string scaling = {};  // the transform in words; empty when there is none
};

/// @throws UsageError for a data set or file type that is unknown, and what reading throws.
Inputs load_inputs(const DataArguments& arguments);

/// Features or targets from a .npy, .csv, .csv.gz or IDX file.
Tensor read_file(const std::string& option, const std::string& path);
/// Features: f32 or u8, as a model takes them.
Tensor read_features(const std::string& option, const std::string& path);

}  // namespace minnow::command
