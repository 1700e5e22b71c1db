#pragma once

#include <string>

namespace minnow::command {

/// Every environment variable that minnow reads, for a terminal.
std::string environment_text();
/// The same as docs/environment.md.
std::string environment_markdown();

}  // namespace minnow::command
