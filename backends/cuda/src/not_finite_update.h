#pragma once

#include <minnow/program.h>

#include <string>

#include "cuda_arena.h"

namespace minnow::cuda {

/// The first parameter that the next update, by the gradients in the arena, would make not finite,
/// or a moment of it: "update of 0.weight". @throws DeviceError.
std::string not_finite_update(const Program& program, const CudaArena& arena);

}  // namespace minnow::cuda
