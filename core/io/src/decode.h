#pragma once

/// From the numbers that files hold to the four types that a Tensor has.

#include <minnow/tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace minnow {

enum class Element : std::uint8_t { f16, bf16, f32, f64, u8, i8, i16, i32, i64 };

std::int64_t size_of(Element element) noexcept;

/// A shape that a file claims. @throws FormatError at `offset` for more than 64 extents, a negative
/// one, or a size that overflows.
Shape checked_shape(const std::string& path, std::int64_t offset,
                    std::vector<std::int64_t> extents);

/// f16, bf16, f32, f64 -> f32; u8 -> u8; i8, i16, i32 -> i32; i64 -> i64. `bytes` has to be
/// shape.elements() * size_of(element) long.
Tensor decode(std::span<const std::byte> bytes, Shape shape, Element element,
              bool big_endian = false);

}  // namespace minnow
