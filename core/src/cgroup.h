#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minnow {

/// The whole text of a small file of the system; empty when it cannot be read.
std::string read_system_file(const std::string& path);

std::vector<std::string_view> split(std::string_view text, std::string_view separators);

/// A folder with the limits of a group that this process belongs to, or of one above it.
struct CgroupLevel {
  std::string folder;  // ends with a slash
  int version;         // 1 or 2: the files in it have other names
};

/// Those of a controller ("memory", "cpu"): a limit may stand on any level, from the process's own
/// group up to the mount. Files are looked for below `root`.
std::vector<CgroupLevel> cgroup_levels(const std::string& root, std::string_view controller);

}  // namespace minnow
