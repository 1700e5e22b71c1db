#include "host_cpu.h"

#include <minnow/base/cgroup.h>
#include <minnow/base/environment.h>
#include <minnow/base/files.h>
#include <minnow/base/text.h>
#include <minnow/error.h>

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

namespace minnow::cpu {
namespace {

struct Variant {
  std::string_view name;
  bool supported;
  const KernelTable* (*table)();
};

/// Processors' worth of time per period that cgroups grant this process; infinite without a limit.
double cgroup_processors() {
  double least = INFINITY;
  const auto limit = [&least](std::string_view quota, std::string_view period) {
    const double granted = std::strtod(std::string(quota).c_str(), nullptr);  // 0 for "max"
    const double of = std::strtod(std::string(period).c_str(), nullptr);
    if (granted > 0 && of > 0) least = std::min(least, granted / of);  // v1: -1 is no limit
  };
  for (const CgroupLevel& level : cgroup_levels("cpu")) {
    const bool v2 = level.version == 2;
    const std::string first =
        read_system_file(level.folder + (v2 ? "cpu.max" : "cpu.cfs_quota_us"));
    const std::string second = v2 ? "" : read_system_file(level.folder + "cpu.cfs_period_us");
    const std::string both = first + " " + second;
    const auto words = split(both, " \n");
    if (words.size() == 2) limit(words[0], words[1]);
  }
  return least;
}

}  // namespace

const KernelTable& select_kernels() {
  // By feature: clang 14 does not know the names of the levels.
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  const Variant variants[] = {
      {"v4", v4, minnow_cpu_kernels_v4},
      {"v3", v3, minnow_cpu_kernels_v3},
      {"v1", true, minnow_cpu_kernels_v1},
  };
  const std::string wanted = setting("MINNOW_CPU_ISA");
  for (const Variant& variant : variants) {
    if (wanted.empty()) {
      if (variant.supported) return *variant.table();
    } else if (variant.name == wanted) {
      if (variant.supported) return *variant.table();
      throw DeviceUnavailable(
          {.code = "MN-D20",
           .what = cat("this processor has no x86-64-", wanted, " instructions."),
           .evidence = cat("MINNOW_CPU_ISA=", wanted),
           .remedy = "unset MINNOW_CPU_ISA: the best instruction set is then taken"});
    }
  }
  throw InvalidArgument({.code = "MN-U01",
                         .what = cat("\"", wanted, "\" is no instruction set of this build."),
                         .evidence = cat("MINNOW_CPU_ISA=", wanted),
                         .remedy = "set it to v1, v3 or v4, or unset it"});
}

int usable_processors() {
  cpu_set_t mask;
  int count = static_cast<int>(std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) count = CPU_COUNT(&mask);
  const double limit = cgroup_processors();
  if (limit < count) count = static_cast<int>(std::ceil(limit));
  return std::max(count, 1);
}

}  // namespace minnow::cpu
