#pragma once

#include <string>

namespace minnow::cpu {

/// What bf16 by AMX lacks here, as evidence; empty: nothing. Asks the system for the permission to
/// use AMX in this process, which stays granted.
std::string missing_for_amx();

/// Whether the processor has bf16 dot products without AMX.
bool has_avx512_bf16();

}  // namespace minnow::cpu
