#pragma once

/// The one door to the environment, and the table of everything that is read through it. A name
/// that is not in the table does not compile:
///
///     const std::string folder = minnow::setting("MINNOW_PLUGIN_DIR");

#include <optional>
#include <string>
#include <string_view>

namespace minnow {

struct EnvironmentVariable {
  std::string_view name;
  std::string_view values;   // that it may have
  std::string_view meaning;  // what they change
  std::string_view reader;   // who reads it: "libminnow", "CUDA backend", "command"
};

/// First minnow's own, then those of others. docs/ and `minnow help environment` show it.
inline constexpr EnvironmentVariable kEnvironment[] = {
    {"MINNOW_CHECKED", "1", "a GPU runs one operation at a time, and a failure names it",
     "CUDA backend"},
    {"MINNOW_CPU_BF16", "any", "bf16 on the CPU needs no AMX: AVX512-BF16, or what oneDNN has",
     "libminnow"},
    {"MINNOW_CPU_ISA", "v1, v3, v4",
     "the CPU's kernels: x86-64, with AVX2, with AVX-512 [the best]", "libminnow"},
    {"MINNOW_DEVICE", "a device's name", "the device of open(\"auto\") and --device=auto",
     "libminnow"},
    {"MINNOW_PLUGIN_DIR", "a folder",
     "where libminnow_cuda.so and libminnow_onednn.so are tried first", "libminnow"},
    {"MINNOW_PROBE", "a file",
     "the minnow-probe that tries driver and libraries [found beside "
     "libminnow]",
     "libminnow"},
    {"MINNOW_PROBE_TIMEOUT_MS", "milliseconds", "how long minnow-probe may take [10000]",
     "libminnow"},
    {"MINNOW_SYSROOT", "a folder", "a tree of files that stands for this machine, for tests",
     "libminnow, CUDA backend, minnow-probe"},
    {"MINNOW_TRACE", "1", "what each operation of a program became, on standard error",
     "libminnow"},
    {"CUDA_VISIBLE_DEVICES", "numbers or UUIDs", "the GPUs that CUDA shows",
     "libminnow, minnow-probe"},
    {"LD_LIBRARY_PATH", "folders", "where the loader looks for libraries first",
     "libminnow, CUDA backend, minnow-probe"},
    {"NVIDIA_VISIBLE_DEVICES", "numbers or UUIDs", "the GPUs that a container was given",
     "libminnow, minnow-probe"},
    {"COLUMNS", "a number", "the width of the terminal [the terminal's own]", "command"},
    {"NO_COLOR", "anything", "no colours in the command's texts (no-color.org)", "command"},
    {"TERM", "a terminal's type", "\"dumb\" or nothing: no colours and no bar", "command"},
};

/// A name of the table.
class EnvironmentName {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is checked where it is written
  consteval EnvironmentName(const char* name) : name_(name) {
    for (const EnvironmentVariable& known : kEnvironment) {
      if (known.name == name) return;
    }
    throw "kEnvironment has no variable of this name";
  }
  constexpr const char* name() const { return name_; }

 private:
  const char* name_;
};

/// Its value; nothing when it is not set. In a program with raised rights minnow's own are not
/// believed: they name files that are opened and started.
std::optional<std::string> environment(EnvironmentName name);

/// Its value; empty when it is not set either.
std::string setting(EnvironmentName name);

}  // namespace minnow
