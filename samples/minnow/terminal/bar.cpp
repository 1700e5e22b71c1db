#include "terminal/bar.h"

#include <algorithm>

namespace minnow::command {
namespace {

constexpr std::size_t kLongest = 20;
constexpr std::size_t kShortest = 6;  // less says nothing

std::size_t length_of(const std::vector<Part>& parts) {
  std::size_t sum = 0;
  for (const auto& part : parts) sum += columns(part.text);
  return sum;
}

void drop_lowest(std::vector<Part>& parts) {
  parts.erase(std::min_element(parts.begin(), parts.end(),
                               [](const Part& a, const Part& b) { return a.rank < b.rank; }));
}

std::string bar(double done, std::size_t width, const Symbols& symbols, bool color) {
  const auto filled =
      static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * static_cast<double>(width));
  std::string front;
  for (std::size_t i = 0; i < filled; ++i) front += symbols.bar_done;
  std::string rest = filled < width ? symbols.bar_head : std::string();
  for (std::size_t i = filled + 1; i < width; ++i) rest += symbols.bar_rest;
  return paint(front, Color::green, color) + paint(rest, Color::dim, color);
}

}  // namespace

std::string bar_line(std::vector<Part> parts, double done, std::size_t width,
                     const Symbols& symbols, bool color) {
  while (length_of(parts) > width && parts.size() > 1) drop_lowest(parts);
  const std::size_t taken = length_of(parts) + 1;
  const std::size_t left = taken < width ? width - taken : 0;
  std::string line;
  for (const auto& part : parts) {
    const bool first = line.empty();
    line += part.text;
    if (!first || left < kShortest) continue;
    line += ' ';
    line += bar(done, std::min(kLongest, left), symbols, color);
  }
  return line;
}

}  // namespace minnow::command
