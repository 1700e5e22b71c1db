#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace minnow {

/// The position of the first byte that is not well-formed UTF-8 (Unicode, table 3-7); npos: none.
inline std::size_t find_invalid_utf8(std::string_view text) {
  const auto byte = [text](std::size_t at) -> unsigned {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  std::size_t at = 0;
  while (at < text.size()) {
    const unsigned lead = byte(at);
    std::size_t length = 1;
    unsigned lowest =
        0x80;  // of the second byte: no long forms, no surrogates, no more than 10FFFF
    unsigned highest = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
      length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      length = 3;
      if (lead == 0xE0) lowest = 0xA0;
      if (lead == 0xED) highest = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      length = 4;
      if (lead == 0xF0) lowest = 0x90;
      if (lead == 0xF4) highest = 0x8F;
    } else if (lead >= 0x80) {
      return at;
    }
    for (std::size_t i = 1; i < length; ++i) {
      if (byte(at + i) < lowest || byte(at + i) > highest) return at;
      lowest = 0x80;
      highest = 0xBF;
    }
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace minnow
