#pragma once

// Where the loader will find a library, without loading it: what may crash has to be named before.

#include <string>
#include <vector>

namespace minnow::machine {

/// LD_LIBRARY_PATH, the folders of the library that asks, the loader's cache, the standard folders.
/// Empty: nowhere. The cache and the standard folders are those under MINNOW_SYSROOT.
std::string find_library(const std::string& name, const std::vector<std::string>& run_path = {});

/// The file of a loaded library, links followed; empty when none of that name is loaded.
std::string loaded_file(const char* name);
std::string loaded_file(void* handle);

/// What dlerror() said of loading `file`, as evidence: "dlopen(libx.so.1): cannot open shared
/// object file". The library that it names may be one that `file` needs.
std::string loader_text(const std::string& file, const std::string& error);
/// The library that dlerror() names.
std::string blamed_by_loader(const std::string& file, const std::string& error);

}  // namespace minnow::machine
