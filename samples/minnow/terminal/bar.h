#pragma once

/// One line of progress that fits a terminal.

#include <string>
#include <vector>

#include "terminal/terminal.h"

namespace minnow::command {

/// With the blanks before it. On a narrow terminal the lowest ranks go first.
struct Part {
  int rank;
  std::string text;
};

/// The parts, and after the first of them a bar of up to 20 of the columns that are left, filled to
/// `done` of 0..1.
std::string bar_line(std::vector<Part> parts, double done, std::size_t width,
                     const Symbols& symbols, bool color);

}  // namespace minnow::command
