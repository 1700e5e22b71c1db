#pragma once

/// NumPy's .npy files (versions 1 to 3).
///
///     minnow::Tensor x = minnow::read_npy("x.npy");

#include <minnow/export.h>
#include <minnow/tensor.h>

#include <string>

namespace minnow {

/// f2, f4, f8 become f32; u1 and b1 stay u8; i1, i2, i4 become i32; i8 stays i64. Fortran order is
/// transposed, big endian swapped. @throws IoError, FormatError (pickled objects, a header or size
/// that does not fit, a truncated file).
MINNOW_API Tensor read_npy(const std::string& path);
/// Version 1, little endian, C order; replaces the file atomically. @throws IoError.
MINNOW_API void write_npy(const std::string& path, const Tensor& tensor);

}  // namespace minnow
