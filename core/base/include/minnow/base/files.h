#pragma once

/// Files of the system, and paths.

#include <string>
#include <string_view>
#include <vector>

namespace minnow {

/// The path under MINNOW_SYSROOT, a tree that stands for the machine (for tests). Empty: "/".
std::string rooted(std::string_view path);

/// The whole text of a small file of the system; empty when it cannot be read.
std::string read_system_file(const std::string& path);

bool exists(const std::string& path);
/// Names in a folder, sorted; none when it cannot be read.
std::vector<std::string> names_in(const std::string& folder);
std::string folder_of(std::string_view path);
std::string name_in(std::string_view path);

}  // namespace minnow
