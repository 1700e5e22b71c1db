#pragma once

/// Building message texts.

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace minnow {

inline void append(std::string& text, std::string_view part) { text += part; }
inline void append(std::string& text, char part) { text += part; }
template <class T>
requires(std::is_arithmetic_v<T> && !std::is_same_v<T, char>) void append(std::string& text,
                                                                          T value) {
  char buffer[32];
  std::to_chars_result result{};
  if constexpr (std::is_floating_point_v<T>) {
    result = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 6);
  } else {
    result = std::to_chars(buffer, buffer + sizeof buffer, value);
  }
  text.append(buffer, result.ptr);
}

/// The parts one after another; numbers in the shortest form, floating-point with 6 digits.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

}  // namespace minnow
