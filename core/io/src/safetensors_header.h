#pragma once

/// The header of a safetensors file: JSON that says which tensor has which bytes.

#include <minnow/safetensors.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decode.h"

namespace minnow {

constexpr std::uint64_t kMaxSafeTensorsHeader = 100'000'000;

struct SafeTensorsType {
  std::string_view name;           // "F32"
  std::int64_t bits = 0;           // per element
  std::optional<Element> element;  // empty: a tensor cannot have it
};

struct SafeTensorsEntry {
  std::string name;
  const SafeTensorsType* type = nullptr;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // from the end of the header
  std::uint64_t end = 0;
};

struct SafeTensorsHeader {
  std::vector<SafeTensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

/// `text` stands behind the 8 bytes of its length. Says nothing about sizes and offsets yet.
/// @throws FormatError for what is not UTF-8, not JSON, or JSON of another form; for a name twice.
SafeTensorsHeader parse_safetensors_header(const std::string& path, std::string_view text);

/// In double quotes, escaped. @throws InvalidArgument for what is not UTF-8.
std::string json_text(std::string_view text);

struct SafeTensorsLayout {
  std::string lead;                    // length and padded header
  std::vector<const Tensor*> tensors;  // in the order of their bytes
  std::int64_t bytes = 0;              // of the file
};

/// @throws InvalidArgument for what could not be read again: a name that JSON cannot hold, a header
/// or a file that is too long.
SafeTensorsLayout lay_out_safetensors(const SafeTensors& file);

}  // namespace minnow
