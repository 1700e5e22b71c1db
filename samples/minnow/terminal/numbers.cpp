#include "terminal/numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace minnow::command {
namespace {

std::string print(const char* format, int precision, double value) {
  char buffer[352];  // %f of the largest double has 309 digits before the point
  const int length = std::snprintf(buffer, sizeof buffer, format, precision, value);
  return {buffer, static_cast<std::size_t>(length)};
}

// Between these a plain number is short enough.
bool plain(double value) {
  const double size = std::fabs(value);
  return size == 0.0 || (size >= 0.001 && size < 100000.0);
}

// About five digits in all.
int decimals(double value) {
  const double size = std::fabs(value);
  return size < 10.0 ? 4 : size < 100.0 ? 3 : size < 1000.0 ? 2 : 1;
}

}  // namespace

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string fixed(double value, int decimals) { return print("%.*f", decimals, value); }

std::string significant(double value, int digits) {
  if (!std::isfinite(value) || value == 0.0) return fixed(value, 0);
  const int before = static_cast<int>(std::floor(std::log10(std::fabs(value)))) + 1;
  return fixed(value, std::clamp(digits - before, 0, 12));
}

std::string grouped(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string gigabytes(std::int64_t bytes) {
  return fixed(static_cast<double>(bytes) / (1 << 30), 1);
}

std::string percent(double fraction, int decimals) {
  return fixed(100.0 * fraction, decimals) + "%";
}

std::string scientific(double value) { return print("%.*e", 1, value); }

std::string loss_text(double loss) {
  return plain(loss) ? fixed(loss, decimals(loss)) : print("%.*g", 4, loss);
}

std::string seconds_text(double seconds) {
  if (seconds < 0.0995) return fixed(1000.0 * seconds, 1) + "ms";
  if (seconds < 120.0) return fixed(seconds, 1) + "s";
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  const std::string rest = std::to_string(whole % 60);
  return std::to_string(whole / 60) + "m" + (rest.size() < 2 ? "0" : "") + rest + "s";
}

std::string with_error(double value, double error, const std::string& plus_minus) {
  if (!std::isfinite(error) || error <= 0.0) return loss_text(value);
  return loss_text(value) + plus_minus +
         (plain(value) && error < 100000.0 ? fixed(error, decimals(value))
                                           : print("%.*g", 2, error));
}

std::string exact(float value) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, result.ptr};
}

}  // namespace minnow::command
