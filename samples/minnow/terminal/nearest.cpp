#include "terminal/nearest.h"

#include <algorithm>

namespace minnow::command {
namespace {

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// With neighbours swapped as one change (the optimal string alignment distance).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        table[i][j] = i + j;
        continue;
      }
      const auto same = [&](std::size_t in_a, std::size_t in_b) {
        return lower(a[in_a - 1]) == lower(b[in_b - 1]);
      };
      table[i][j] = std::min(
          {table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (same(i, j) ? 0 : 1)});
      if (i > 1 && j > 1 && same(i, j - 1) && same(i - 1, j)) {
        table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
      }
    }
  }
  return table[a.size()][b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& names) {
  // Two changes make any word of two letters into any other.
  std::size_t least = std::min<std::size_t>(2, word.size() / 2) + 1;
  std::string nearest;
  for (const auto& name : names) {
    const std::size_t difference = word.size() > 64 ? least : distance(word, name);
    if (difference >= least) continue;
    least = difference;
    nearest = name;
  }
  return nearest.empty() ? "" : "did you mean " + nearest + "? ";
}

}  // namespace minnow::command
