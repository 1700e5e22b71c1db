#pragma once

// The rungs that only a process of its own may climb: what is loaded here may crash or hang.

#include <minnow/plugin.h>

#include <string>
#include <vector>

#include "machine/evidence.h"
#include "machine/probe_report.h"

namespace minnow::machine {

/// Loads libcuda and starts it. Returns whether it works; reports the topic driver when it does
/// not.
bool check_driver(const Evidence& evidence, const Reporter& report);

/// cuBLASLt of the version that the plugin was built against, as it finds it, with a handle when
/// the driver works.
void check_cublaslt(const Plugin& plugin, const std::vector<std::string>& run_path,
                    bool driver_works, const Reporter& report);

/// cuDNN's three libraries, their versions, and a handle when a driver works. No fault of theirs
/// rejects a GPU: each is a note.
void check_cudnn(const Plugin& plugin, const std::vector<std::string>& run_path, bool driver_works,
                 const Reporter& report);

}  // namespace minnow::machine
