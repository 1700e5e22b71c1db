#pragma once

#include <minnow/error.h>

#include <string>
#include <vector>

#include "machine/evidence.h"

namespace minnow::machine {

/// What CUDA_VISIBLE_DEVICES leaves. The list ends at its first invalid entry.
struct VisibleDevices {
  std::size_t shown = 0;
  std::size_t invalid = 0;  // the first such entry, from 1; 0: none
  std::string entry;        // that one
};
/// `count` of 0: the machine's GPUs are not known, and any number is taken for one of them.
VisibleDevices visible_devices(const std::string& value, const std::vector<ModuleGpu>& gpus,
                               std::size_t count);

/// CUDA_VISIBLE_DEVICES shows no GPU.
Failure hidden_devices(const std::string& value, const VisibleDevices& visible,
                       const Evidence& evidence);

}  // namespace minnow::machine
