#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minnow {

/// A folder with the limits of a group that this process belongs to, or of one above it.
struct CgroupLevel {
  std::string folder;  // ends with a slash
  int version;         // 1 or 2: the files in it have other names
};

/// Those of a controller ("memory", "cpu"): a limit may stand on any level, from the process's own
/// group up to the mount. Files are looked for under MINNOW_SYSROOT.
std::vector<CgroupLevel> cgroup_levels(std::string_view controller);

}  // namespace minnow
