#pragma once

/// IDX files (MNIST's format), gzip'ed or not; gzip is recognised by its first bytes.
///
///     minnow::Tensor images = minnow::read_idx("train-images-idx3-ubyte.gz");  // (60000, 28, 28)
///     u8

#include <minnow/export.h>
#include <minnow/tensor.h>

#include <string>

namespace minnow {

/// u8 stays u8; i8, i16, i32 become i32; f32 and f64 become f32. @throws IoError, FormatError.
MINNOW_API Tensor read_idx(const std::string& path);

}  // namespace minnow
