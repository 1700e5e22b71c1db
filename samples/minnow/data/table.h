#pragma once

/// Tables of numbers, split 80/20 by a seed, the features standardized.

#include <cstdint>
#include <string>

#include "data/dataset.h"

namespace minnow::command {

struct Table {
  std::string name;  // of the data set
  std::int64_t features;
  std::int64_t classes;  // 0: values
};

/// One file: the features of a row, and in its last column a class. @throws IoError, FormatError.
Dataset read_classes(const Table& table, const std::string& path, std::uint64_t seed);

/// Two files: features with blanks between, and the value of each row. @throws IoError,
/// FormatError.
Dataset read_values(const Table& table, const std::string& path, const std::string& target_path,
                    std::uint64_t seed);

}  // namespace minnow::command
