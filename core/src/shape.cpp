#include <minnow/shape.h>

#include <minnow/base/text.h>
#include <minnow/error.h>

namespace minnow {

std::int64_t size_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::u8:
      return 1;
    case DType::i64:
      return 8;
    case DType::f32:
    case DType::i32:
      return 4;
  }
  return 0;
}

std::string_view name_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::u8:
      return "u8";
    case DType::i32:
      return "i32";
    case DType::i64:
      return "i64";
  }
  return "?";
}

std::int64_t checked_multiply(std::int64_t a, std::int64_t b, std::string_view what) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) {
    throw ShapeError({.code = "MN-M09",
                      .what = cat("the size of ", what, " does not fit into 63 bits."),
                      .evidence = cat(a, " x ", b)});
  }
  return product;
}

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(std::vector<std::int64_t>(extents)) {}

Shape::Shape(std::vector<std::int64_t> extents) : extents_(std::move(extents)) {
  for (const std::int64_t extent : extents_) {
    if (extent < 0) {
      throw InvalidArgument(
          {.code = "MN-N02", .what = cat("shape ", str(), " has a negative extent.")});
    }
    elements_ = checked_multiply(elements_, extent, "a tensor");
  }
  // Bytes, for the widest element, have to fit as well.
  checked_multiply(elements_, 8, "a tensor in bytes");
}

std::int64_t Shape::row_elements() const noexcept {
  std::int64_t product = 1;
  for (std::size_t axis = 1; axis < extents_.size(); ++axis) product *= extents_[axis];
  return product;
}

std::string Shape::str() const {
  std::string text = "(";
  for (std::size_t axis = 0; axis < extents_.size(); ++axis) {
    text += cat(axis == 0 ? "" : ", ", extents_[axis]);
  }
  return text + (rank() == 1 ? ",)" : ")");
}

}  // namespace minnow
