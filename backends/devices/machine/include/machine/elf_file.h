#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace minnow::machine {

/// What a shared library says of itself, read as a file: nothing of it runs.
struct ElfFile {
  std::uint64_t bytes = 0;             // of the file
  std::uint64_t needed = 0;            // by its headers; 0: they cannot be read
  bool foreign = false;                // for another processor
  std::vector<std::string> libraries;  // DT_NEEDED
  std::vector<std::string> run_path;   // DT_RUNPATH or DT_RPATH, $ORIGIN replaced

  /// A part is missing: the loader, or the first use of that part, ends the process with SIGBUS.
  bool truncated() const { return needed > bytes; }
};

ElfFile read_elf(const std::string& path);

}  // namespace minnow::machine
