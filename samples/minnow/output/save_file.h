#pragma once

#include <functional>
#include <ostream>
#include <string>

namespace minnow::command {

/// Beside the file, then renamed: what was there stays as it was until all is written.
/// @throws IoError (write).
void save_file(const std::string& path, const std::function<void(std::ostream&)>& write);

}  // namespace minnow::command
