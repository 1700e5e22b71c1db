#pragma once

/// Numbers in texts as people read them. Always with a point and in ASCII, whatever the
/// locale.

#include <minnow/base/text.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace minnow::command {

std::string joined(const std::vector<std::string>& names);  // "a, b, c"

std::string fixed(double value, int decimals);       // "0.5021"
std::string significant(double value, int digits);   // "0.0213", "28.3", "1340"
std::string grouped(std::int64_t value);             // "55,000"
std::string gigabytes(std::int64_t bytes);           // "18.0", in GiB
std::string percent(double fraction, int decimals);  // "82.4%"
std::string scientific(double value);                // "3.1e-07"
std::string loss_text(double loss);                  // "0.5021", "3.2e+07"
std::string seconds_text(double seconds);            // "0.4ms", "1.1s", "2m05s"
/// "0.3321±0.0060", with `plus_minus` between; without the error when there is none.
std::string with_error(double value, double error, const std::string& plus_minus);
/// The whole text as a decimal number, or nothing.
template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The shortest text that reads back as the same number.
std::string exact(float value);

}  // namespace minnow::command
