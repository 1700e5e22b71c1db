#pragma once

/// operator new of a test program, the library's calls included: it counts, and fails when told.

#include <cstdint>

namespace minnow::testing {

long allocations();       // so far
long live_allocations();  // not deleted yet
/// Bytes that are alive in blocks of an alignment of 64: tensors, arenas, programs.
std::int64_t block_bytes();

/// From now on the allocations number `first`.. fail, `count` of them; they count from 1.
void fail_allocations(long first, long count);
void fail_no_allocation();

}  // namespace minnow::testing
