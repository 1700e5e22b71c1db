#pragma once

#include "onednn_plugin.h"

namespace minnow::cpu {

/// libminnow_onednn.so, loaded and tried, on a processor with AMX-BF16; MINNOW_CPU_BF16=any: on
/// any.
/// @throws DeviceUnavailable with the cause and a remedy.
const OnednnPlugin& load_onednn_plugin();

}  // namespace minnow::cpu
