#pragma once

/// How functions are marked that host and device compile from one source.

#ifdef __CUDACC__
#define MINNOW_HOST_DEVICE __host__ __device__
#else
#define MINNOW_HOST_DEVICE
#endif

/// Of a formula: never a function of its own in an object, because objects of the CPU backend are
/// compiled for one instruction set each, and the linker would keep one copy for all.
#define MINNOW_FORMULA MINNOW_HOST_DEVICE inline __attribute__((always_inline))
