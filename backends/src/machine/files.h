#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minnow::machine {

/// An environment variable; empty when it is not set, and in a program with raised rights.
std::string setting(const char* name);

/// The path under MINNOW_SYSROOT, a tree that stands for the machine (for tests). Empty: "/".
std::string rooted(std::string_view path);

bool exists(const std::string& path);
/// The first 64 KiB; empty when it cannot be read.
std::string read_text(const std::string& path);
/// Names in a folder, sorted; none when it cannot be read.
std::vector<std::string> names_in(const std::string& folder);
std::string folder_of(std::string_view path);
std::string name_in(std::string_view path);

/// The first "N.N" or "N.N.N"; empty when there is none.
std::string first_version(std::string_view text);

/// "39.9 MB", as the vendors count.
std::string megabytes(double bytes);

}  // namespace minnow::machine
