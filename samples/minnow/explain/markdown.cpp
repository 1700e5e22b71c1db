#include "explain/markdown.h"

namespace minnow::command {

std::string markdown_row(const std::vector<std::string_view>& cells) {
  std::string row = "|";
  for (const auto cell : cells) {
    row += ' ';
    for (const char letter : cell) {
      if (letter == '|') row += '\\';
      row += letter;
    }
    row += " |";
  }
  return row + "\n";
}

}  // namespace minnow::command
