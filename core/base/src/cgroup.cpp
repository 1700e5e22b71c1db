#include <minnow/base/cgroup.h>

#include <minnow/base/files.h>
#include <minnow/base/text.h>

#include <algorithm>

namespace minnow {
namespace {

bool has(std::string_view list, std::string_view controller) {
  const auto names = split(list, ",");
  return std::find(names.begin(), names.end(), controller) != names.end();
}

void add_levels(std::string_view mounts, std::string_view path, std::string_view controller,
                int version, std::vector<CgroupLevel>& levels) {
  // Where it is mounted when the mounts cannot be read.
  std::string top = version == 2 ? "/sys/fs/cgroup" : cat("/sys/fs/cgroup/", controller);
  for (const std::string_view line : split(mounts, "\n")) {
    // id parent device root mount options [optional ...] - type source options
    const auto words = split(line, " ");
    const auto dash = std::find(words.begin(), words.end(), "-");
    const std::string_view type = version == 2 ? "cgroup2" : "cgroup";
    if (words.size() < 5 || words.end() - dash < 4 || dash[1] != type) continue;
    if (version == 1 && !has(dash[3], controller)) continue;
    top = words[4];
    // A container may see the part of the tree that begins at its own group.
    if (words[3] != "/") path.remove_prefix(path.starts_with(words[3]) ? words[3].size() : 0);
    break;
  }
  // Outside of the visible part: its top counts for this process too.
  const bool visible = path.starts_with('/') && path.find("/..") == std::string_view::npos;
  std::string below(visible ? path : "");
  while (true) {
    while (below.ends_with('/')) below.pop_back();
    levels.push_back({cat(rooted(top), below, "/"), version});
    const std::size_t level = below.rfind('/');
    if (level == std::string::npos) return;
    below.resize(level);
  }
}

}  // namespace

std::vector<CgroupLevel> cgroup_levels(std::string_view controller) {
  std::vector<CgroupLevel> levels;
  const std::string groups = read_system_file(rooted("/proc/self/cgroup"));
  const std::string mounts = read_system_file(rooted("/proc/self/mountinfo"));
  for (const std::string_view line : split(groups, "\n")) {  // "4:memory:/a/b", "0::/a/b"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string_view path = line.substr(second + 1);
    if (controllers.empty()) add_levels(mounts, path, controller, 2, levels);
    if (has(controllers, controller)) add_levels(mounts, path, controller, 1, levels);
  }
  return levels;
}

}  // namespace minnow
