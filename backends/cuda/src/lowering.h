#pragma once

#include <minnow/backend.h>

#include <functional>
#include <string>
#include <vector>

#include "context.h"
#include "cuda_arena.h"
#include "storage.h"

namespace minnow::cuda {

/// Something that is put on a stream: one kernel, or one call of a library.
struct Launch {
  int op = 0;  // index in Program::ops()
  std::function<void(cudaStream_t)> run;
};

/// A program as launches.
struct Lowered {
  std::vector<Launch> launches;
  std::vector<std::string> how;  // by op: "cuBLASLt, bias and ReLU in the epilogue"
};

/// What a program is lowered over.
struct LoweringContext {
  Context& device;
  const Program& program;
  CudaArena& arena;
  const Storage& storage;
  std::byte* memory;  // storage.bytes

  Matrix matrix(ValueId id) const;
  template <class T>
  T* at(std::int64_t offset) const {
    return reinterpret_cast<T*>(memory + offset);
  }
};

enum class Style : std::uint8_t {
  plain,  // every op by itself, and whole values in memory after it: the reference
  fused,  // epilogues, and ops that share a kernel
};
/// @throws CallFailure; DeviceError where even the plain product has no algorithm.
Lowered lower(const LoweringContext& context, Style style);

}  // namespace minnow::cuda
