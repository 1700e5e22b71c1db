#pragma once

/// Building texts and taking them apart.

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

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

/// What stands between any of the separators, without the empty ones: words, lines.
std::vector<std::string_view> split(std::string_view text, std::string_view separators);

/// What stands between the separators, one more than there are: "a,,b" has three.
std::vector<std::string_view> fields(std::string_view text, char separator);

/// Without blanks and line feeds at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace minnow
