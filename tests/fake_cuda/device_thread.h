#pragma once

// What a kernel body asks of the thread that runs it.

#include <vector_types.h>

#include <cstddef>
#include <cstdint>

// CUDA's built-in variables, of the thread that runs now.
extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;

namespace fakecuda {

enum class BlockVote { kNone, kCount, kAnd, kOr };
// Returns when every thread of the block that has not ended stands at a barrier.
int barrier(BlockVote vote, int predicate);

enum class WarpOperation { kSync, kShuffle, kBallot };
// Returns when every lane named in `mask` that has not ended stands at the same operation. A
// shuffle answers the value of lane `source`, all ones if that lane takes no part; a ballot the
// lanes with a value that is not 0.
std::uint64_t exchange(WarpOperation operation, unsigned mask, std::uint64_t value, int source);

int lane_of_thread();
void* dynamic_shared();
[[noreturn]] void trap(const char* why);

}  // namespace fakecuda
