#pragma once

#include <minnow/error.h>

#include <optional>
#include <string>

namespace minnow::machine {

/// MN-L05 when what the loader said of `file` means that a file is damaged.
std::optional<Failure> damage_by_loader(const std::string& file, const std::string& error);

/// MN-L05 when a file is shorter than its headers need: the process that loads it, or uses the part
/// that is missing, ends with SIGBUS. `crash`: " crashed the probe with SIGBUS", or empty.
std::optional<Failure> damage_by_size(const std::string& path, const std::string& crash);

/// "reinstall cuDNN".
std::string reinstall(const std::string& path);

}  // namespace minnow::machine
