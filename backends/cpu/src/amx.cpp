#include "amx.h"

#include <minnow/base/text.h>

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace minnow::cpu {
namespace {

// Intel's Software Developer's Manual, volume 1, 13.1, and volume 2, CPUID.
constexpr unsigned kAmxBf16 = 1U << 22;     // CPUID 7.0 EDX
constexpr unsigned kAmxTile = 1U << 24;     // CPUID 7.0 EDX
constexpr unsigned kAvx512Bf16 = 1U << 5;   // CPUID 7.1 EAX
constexpr unsigned kOsxsave = 1U << 27;     // CPUID 1 ECX
constexpr std::uint64_t kTiles = 3U << 17;  // XCR0: configuration and data
// Linux, Documentation/x86/xstate.rst.
constexpr long kRequestPermission = 0x1023;
constexpr long kTileData = 18;

std::uint64_t saved_states() {
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

}  // namespace

std::string missing_for_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) d = 0;
  std::string missing;
  if ((d & kAmxTile) == 0) missing = "AMX-TILE (CPUID 7.0 EDX bit 24)";
  if ((d & kAmxBf16) == 0) missing += cat(missing.empty() ? "" : ", ", "AMX-BF16 (EDX bit 22)");
  if (!missing.empty()) return "the processor lacks " + missing;
  __get_cpuid(1, &a, &b, &c, &d);
  if ((c & kOsxsave) == 0 || (saved_states() & kTiles) != kTiles) {
    return "the operating system does not save the registers of AMX (XCR0 bits 17 and 18)";
  }
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) != 0) {
    return cat("arch_prctl(ARCH_REQ_XCOMP_PERM, 18) answered ", std::strerror(errno));
  }
  return "";
}

bool has_avx512_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & kAvx512Bf16) != 0;
}

}  // namespace minnow::cpu
