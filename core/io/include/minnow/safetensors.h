#pragma once

/// safetensors files: named tensors and a map of strings. Reading checks everything that the
/// reference reader (huggingface/safetensors) checks, in its order, and refuses duplicate names.
///
///     minnow::write_safetensors("w.safetensors", {{{"0.weight", w}}, {{"format", "pt"}}});
///     auto file = minnow::read_safetensors("w.safetensors");

#include <minnow/export.h>
#include <minnow/tensor.h>

#include <map>
#include <string>

namespace minnow {

struct SafeTensors {
  std::map<std::string, Tensor> tensors = {};
  std::map<std::string, std::string> metadata = {};
};

struct SafeTensorsOptions {
  /// Bytes behind the last tensor, which some writers leave, are no error.
  bool allow_trailing = false;
};

/// F16, BF16, F32, F64 become f32; U8 and BOOL u8; I8, I16, I32 i32; I64 i64.
/// @throws IoError, FormatError (file and byte offset).
MINNOW_API SafeTensors read_safetensors(const std::string& path,
                                        const SafeTensorsOptions& options = {});
/// Sorted as the reference writer sorts, data aligned to 64 bytes; replaces the file atomically: a
/// temporary sibling, fsync, rename. @throws IoError; the old file is then as it was.
MINNOW_API void write_safetensors(const std::string& path, const SafeTensors& file);

}  // namespace minnow
