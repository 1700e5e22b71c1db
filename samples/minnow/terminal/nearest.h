#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minnow::command {

/// "did you mean tanh? " when one of the names differs from `word` by one or two letters left out,
/// added, changed or swapped, whatever their case; else nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

}  // namespace minnow::command
