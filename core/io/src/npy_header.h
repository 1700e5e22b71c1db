#pragma once

/// The header of an .npy file: a Python dict with three known keys.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minnow {

struct NpyHeader {
  std::string descr;  // "<f4"
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// `text` stands at byte `offset` of the file. @throws FormatError for anything but the three keys,
/// each once, in any order, with any white space, as Python writes them.
NpyHeader parse_npy_header(const std::string& path, std::int64_t offset, std::string_view text);

}  // namespace minnow
