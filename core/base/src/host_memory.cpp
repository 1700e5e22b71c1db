#include <minnow/base/host_memory.h>

#include <minnow/base/cgroup.h>
#include <minnow/base/files.h>
#include <minnow/base/text.h>
#include <minnow/memory_plan.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

namespace minnow {
namespace {

using Bytes = std::optional<std::int64_t>;

// cgroup v1 says "no limit" by the largest whole number of pages.
constexpr std::int64_t kUnlimited = std::int64_t{1} << 60;

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
  const std::string text = read_system_file(path);
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
  HostMemory run() {
    machine();
    cgroups();
    own_limits();
    return std::move(found_);
  }

 private:
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
    const std::string info = read_system_file(rooted("/proc/meminfo"));
    found_.total = named_number(info, "MemTotal:").value_or(-1);
    found_.swap = named_number(info, "SwapFree:").value_or(0);
    const Bytes available = named_number(info, "MemAvailable:");
    if (available) consider(*available, cat("MemAvailable ", format_bytes(*available)));
  }

  void cgroups() {
    for (const CgroupLevel& level : cgroup_levels("memory")) {
      const bool v2 = level.version == 2;
      const Bytes most = only_number(level.folder + (v2 ? "memory.max" : "memory.limit_in_bytes"));
      const Bytes usage =
          only_number(level.folder + (v2 ? "memory.current" : "memory.usage_in_bytes"));
      if (!most || !usage) continue;
      // Cached file content is given up when memory is short.
      const std::string stat = read_system_file(level.folder + "memory.stat");
      const std::int64_t cached =
          named_number(stat, v2 ? "inactive_file" : "total_inactive_file").value_or(0);
      limit("cgroup limit", *most, std::max<std::int64_t>(*usage - cached, 0));
    }
  }

  void own_limits() {
    const std::string text = read_system_file(rooted("/proc/self/statm"));
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

  HostMemory found_;
};

}  // namespace

HostMemory host_memory() noexcept {
  try {
    return Search().run();
  } catch (...) {
    return {};  // no memory to look for memory
  }
}

}  // namespace minnow
