#include "host_memory.h"

#include <minnow/memory_plan.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include "text.h"

namespace minnow {
namespace {

using Bytes = std::optional<std::int64_t>;

// cgroup v1 says "no limit" by the largest whole number of pages.
constexpr std::int64_t kUnlimited = std::int64_t{1} << 60;

std::string read_file(const std::string& path) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file == -1) return text;
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(file, buffer, sizeof buffer);
    if (got == -1 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(file);
  return text;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t begin = text.find_first_not_of(separators);
    if (begin == std::string_view::npos) return parts;
    const std::size_t end = std::min(text.find_first_of(separators, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

/// A whole number of `unit` bytes that is no more than 2^60 bytes.
Bytes bytes_of(std::string_view digits, std::int64_t unit = 1) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  if (!whole || value < 0 || value > kUnlimited / unit) return std::nullopt;
  return value * unit;
}

/// The number of a file that has no more to say; "max" is none.
Bytes only_number(const std::string& path) {
  const std::string text = read_file(path);
  const auto words = split(text, " \n");
  return words.size() == 1 ? bytes_of(words[0]) : std::nullopt;
}

/// The number after a name: "MemAvailable:  22756012 kB", "inactive_file 4096".
Bytes named_number(std::string_view text, std::string_view name) {
  for (const std::string_view line : split(text, "\n")) {
    const auto words = split(line, " \t");
    if (words.size() < 2 || words[0] != name) continue;
    return bytes_of(words[1], words.size() > 2 && words[2] == "kB" ? 1024 : 1);
  }
  return std::nullopt;
}

class Search {
 public:
  explicit Search(std::string root) : root_(std::move(root)) {}

  HostMemory run() {
    machine();
    cgroups();
    own_limits();
    return std::move(found_);
  }

 private:
  struct CgroupVersion {
    std::string_view file_system;
    std::string_view fallback;  // where it is mounted when the mounts cannot be read
    std::string_view limit;
    std::string_view usage;
    std::string_view reclaimable;  // cached file content, given up when memory is short
  };

  void consider(std::int64_t free, std::string evidence) {
    free = std::max<std::int64_t>(free, 0);
    if (found_.free >= 0 && found_.free <= free) return;
    found_.free = free;
    found_.evidence = std::move(evidence);
  }

  void limit(std::string_view name, std::int64_t bytes, std::int64_t used) {
    consider(bytes - used,
             cat(name, " ", format_bytes(bytes), ", of it ", format_bytes(used), " used"));
  }

  void machine() {
    const std::string info = read_file(root_ + "/proc/meminfo");
    found_.total = named_number(info, "MemTotal:").value_or(-1);
    found_.swap = named_number(info, "SwapFree:").value_or(0);
    const Bytes available = named_number(info, "MemAvailable:");
    if (available) consider(*available, cat("MemAvailable ", format_bytes(*available)));
  }

  void cgroups() {
    const std::string groups = read_file(root_ + "/proc/self/cgroup");
    const std::string mounts = read_file(root_ + "/proc/self/mountinfo");
    for (const std::string_view line : split(groups, "\n")) {  // "4:memory:/a/b", "0::/a/b"
      const std::size_t first = line.find(':');
      const std::size_t second = line.find(':', first + 1);
      if (first == std::string_view::npos || second == std::string_view::npos) continue;
      const std::string_view controllers = line.substr(first + 1, second - first - 1);
      const std::string_view path = line.substr(second + 1);
      if (controllers.empty()) {
        levels({"cgroup2", "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"},
               mounts, path);
      } else if (has_memory(controllers)) {
        levels({"cgroup", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                "total_inactive_file"},
               mounts, path);
      }
    }
  }

  static bool has_memory(std::string_view list) {
    const auto names = split(list, ",");
    return std::find(names.begin(), names.end(), "memory") != names.end();
  }

  /// A limit may stand on any level, from the process's own up to the mount.
  void levels(const CgroupVersion& version, std::string_view mounts, std::string_view path) {
    std::string_view top = version.fallback;
    for (const std::string_view line : split(mounts, "\n")) {
      // id parent device root mount options [optional ...] - type source options
      const auto words = split(line, " ");
      const auto dash = std::find(words.begin(), words.end(), "-");
      if (words.size() < 5 || words.end() - dash < 4 || dash[1] != version.file_system) continue;
      if (version.file_system == "cgroup" && !has_memory(dash[3])) continue;
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
      const std::string place = cat(root_, top, below, "/");
      const Bytes most = only_number(cat(place, version.limit));
      const Bytes usage = only_number(cat(place, version.usage));
      if (most && usage) {
        const std::string stat = read_file(cat(place, "memory.stat"));
        const std::int64_t cached = named_number(stat, version.reclaimable).value_or(0);
        limit("cgroup limit", *most, std::max<std::int64_t>(*usage - cached, 0));
      }
      const std::size_t level = below.rfind('/');
      if (level == std::string::npos) return;
      below.resize(level);
    }
  }

  void own_limits() {
    const std::string text = read_file(root_ + "/proc/self/statm");
    const auto pages = split(text, " \n");
    const std::int64_t page = ::sysconf(_SC_PAGESIZE);
    const auto add = [&](auto resource, std::string_view name, std::size_t field) {
      rlimit most{};
      if (field >= pages.size() || ::getrlimit(resource, &most) != 0) return;
      const Bytes used = bytes_of(pages[field], page);
      if (!used || most.rlim_cur >= static_cast<rlim_t>(kUnlimited)) return;
      limit(name, static_cast<std::int64_t>(most.rlim_cur), *used);
    };
    add(RLIMIT_AS, "address space limit (ulimit -v)", 0);
    add(RLIMIT_DATA, "data size limit (ulimit -d)", 5);
  }

  std::string root_;
  HostMemory found_;
};

}  // namespace

HostMemory host_memory() noexcept {
  try {
    const char* root = std::getenv("MINNOW_SYSROOT");
    return Search(root == nullptr ? "" : root).run();
  } catch (...) {
    return {};  // no memory to look for memory
  }
}

}  // namespace minnow
