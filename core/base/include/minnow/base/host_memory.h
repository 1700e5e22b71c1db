#pragma once

#include <cstdint>
#include <string>

namespace minnow {

/// What the machine has and what this process may still take of it, in bytes.
struct HostMemory {
  std::int64_t total = -1;  // of the machine; -1: not known
  std::int64_t free = -1;   // -1: not known
  std::int64_t swap = 0;    // free beyond that, and slow
  std::string evidence;     // what decides `free`: "cgroup limit 24.0 GiB, of it 2.3 GiB used"
};

/// `free` is the least that MemAvailable, the memory limits of the process's cgroups (v1 and v2,
/// each level) and its own limits (ulimit -v, ulimit -d) leave. What cannot be read or understood
/// does not count. Files are looked for under MINNOW_SYSROOT. Takes up to a millisecond.
HostMemory host_memory() noexcept;

}  // namespace minnow
