#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minnow::command {

/// "| a | b |\n"; a bar in a cell would end it, so it is escaped.
std::string markdown_row(const std::vector<std::string_view>& cells);

}  // namespace minnow::command
