#pragma once

/// Shapes and element types. A shape is checked when it is made: no negative extent, and the number
/// of elements fits into 63 bits.
///
///     minnow::Shape shape{60000, 28, 28};
///     shape.elements();      // 47,040,000
///     shape.row_elements();  // 784

#include <minnow/export.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace minnow {

enum class DType : std::uint8_t { f32, u8, i32, i64 };

MINNOW_API std::int64_t size_of(DType dtype) noexcept;      // bytes per element
MINNOW_API std::string_view name_of(DType dtype) noexcept;  // "f32"

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::i64;
};

class MINNOW_API Shape {
 public:
  /// Rank 0: a scalar, one element.
  Shape() = default;
  /// @throws InvalidArgument for a negative extent, ShapeError when the product overflows.
  Shape(std::initializer_list<std::int64_t> extents);
  explicit Shape(std::vector<std::int64_t> extents);

  int rank() const noexcept { return static_cast<int>(extents_.size()); }
  std::int64_t operator[](int axis) const { return extents_.at(static_cast<std::size_t>(axis)); }
  const std::vector<std::int64_t>& extents() const noexcept { return extents_; }

  std::int64_t elements() const noexcept { return elements_; }
  /// The first extent; 1 for a scalar.
  std::int64_t rows() const noexcept { return extents_.empty() ? 1 : extents_.front(); }
  /// The product of all extents but the first; 1 for rank 0 and 1.
  std::int64_t row_elements() const noexcept;

  std::string str() const;  // "(60000, 28, 28)"

  friend bool operator==(const Shape& a, const Shape& b) noexcept {
    return a.extents_ == b.extents_;
  }

 private:
  std::vector<std::int64_t> extents_;
  std::int64_t elements_ = 1;
};

/// a * b for sizes. @throws ShapeError (naming `what`) when the product does not fit.
MINNOW_API std::int64_t checked_multiply(std::int64_t a, std::int64_t b, std::string_view what);

}  // namespace minnow
