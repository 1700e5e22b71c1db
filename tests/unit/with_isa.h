#pragma once

#include <minnow/minnow.h>

#include <cstdlib>
#include <optional>

namespace minnow::testing {

/// While it lives, open("cpu") takes the kernels of one instruction set.
class WithIsa {
 public:
  explicit WithIsa(const char* isa) { setenv("MINNOW_CPU_ISA", isa, 1); }
  ~WithIsa() { unsetenv("MINNOW_CPU_ISA"); }
};

/// Nothing where the processor is older.
inline std::optional<Device> open_with_isa(const char* isa) try {
  const WithIsa environment(isa);
  return open("cpu");
} catch (const DeviceUnavailable&) {
  return std::nullopt;
}

}  // namespace minnow::testing
