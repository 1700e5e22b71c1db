#pragma once

#include <minnow/error.h>

#include <sys/types.h>

namespace minnow::machine {

/// MN-P13: this process was forked from `started`, which had started CUDA.
Failure forked_failure(pid_t started);

}  // namespace minnow::machine
