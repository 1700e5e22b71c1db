#pragma once

/// The boundary to libminnow_onednn.so: matrix products with bf16 factors and float32 sums. Plain
/// data and C functions only, and no exception crosses it: that library needs nothing of libminnow.

#include <cstdint>

namespace minnow {

/// Raised by every change below.
inline constexpr std::uint32_t kOnednnAbi = 1;

/// Columns of a product: B and C come in panels of so many.
inline constexpr std::int64_t kBf16Cols = 32;

/// C (rows x 32) = A (rows x depth) B (depth x 32), all of them without gaps; `depth` is a multiple
/// of 32. A is row-major. In B two rows are interleaved, as the processors' dot products want them:
/// element (k, col) is at (k / 2 * 32 + col) * 2 + k % 2.
struct Bf16Shape {
  std::int64_t rows;
  std::int64_t depth;
};

/// What a call of oneDNN answered. A null `call`: all went well.
struct OnednnAnswer {
  const char* call = nullptr;    // "dnnl_primitive_create"
  const char* status = nullptr;  // "unimplemented"
  bool out_of_memory = false;
};

/// A compiled product, for several threads at once.
struct OnednnProduct;

/// Plain data; `abi` stays the first member for ever.
struct OnednnPlugin {
  std::uint32_t abi;
  /// "2.6.3": the library that is loaded.
  const char* (*version)();
  /// Bytes of workspace that each running product of this shape needs.
  OnednnAnswer (*workspace_bytes)(Bf16Shape shape, std::int64_t* bytes);
  /// For calls by the threads 0..threads-1.
  OnednnAnswer (*create)(Bf16Shape shape, int threads, OnednnProduct** product);
  /// "brg:avx512_core_bf16": what oneDNN chose.
  const char* (*implementation)(const OnednnProduct* product);
  /// On the calling thread alone. `workspace` is aligned to 64 bytes.
  OnednnAnswer (*run)(OnednnProduct* product, int thread, const std::uint16_t* a,
                      const std::uint16_t* b, float* c, void* workspace);
  void (*destroy)(OnednnProduct* product);
};

using OnednnEntry = const OnednnPlugin* (*)();
inline constexpr const char* kOnednnEntry = "minnow_onednn";

}  // namespace minnow
