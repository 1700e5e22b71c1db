#pragma once

/// Numbers from CSV files, gzip'ed or not.
///
///     minnow::Tensor x = minnow::read_csv("features.csv");   // (rows, columns) f32

#include <minnow/export.h>
#include <minnow/tensor.h>

#include <string>

namespace minnow {

struct CsvOptions {
  char separator = ',';
  /// A first line that is not all numbers is skipped as a header when `automatic`.
  enum class Header { automatic, yes, no } header = Header::automatic;
};

/// (rows, columns) f32; blank lines are skipped, `separator` ' ' takes any run of blanks and tabs.
/// @throws IoError; FormatError naming line and column for a cell that is no number and for rows of
/// different length, and for a corrupt or truncated .gz.
MINNOW_API Tensor read_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace minnow
