#pragma once

#include "kernels/kernel_table.h"

namespace minnow::cpu {

/// The kernels for the best instruction set of this processor, or for the one that the environment
/// variable MINNOW_CPU_ISA names (v1, v3, v4). @throws InvalidArgument for an unknown name,
/// DeviceUnavailable for one that this processor lacks.
const KernelTable& select_kernels();

/// Processors that this process may use: its affinity mask, cut by a cgroup's cpu.max.
int usable_processors();

}  // namespace minnow::cpu
