#pragma once

/// A tensor in host memory: row-major, any rank, of f32, u8, i32 or i64.
///
/// Copying a Tensor shares its memory, as rows() and reshape() do; clone() makes a copy of its own.
/// Owned memory is zeroed and aligned to 64 bytes. view() wraps memory of yours without a copy: it
/// has to live as long as the tensor and everything made from it.
///
///     std::vector<float> samples = read_sensor();                       // 100 rows of 10
///     auto x = minnow::Tensor::view(std::span<const float>(samples), {100, 10});
///     auto first = x.rows(0, 32);                                       // (32, 10), no copy

#include <minnow/export.h>
#include <minnow/shape.h>

#include <cstddef>
#include <memory>
#include <span>

namespace minnow {

class MINNOW_API Tensor {
 public:
  /// No elements: shape (0), f32.
  Tensor();
  /// Zeros. @throws ResourceExhausted when the memory cannot be had.
  explicit Tensor(Shape shape, DType dtype = DType::f32);

  /// Copies. @throws ShapeError when the span and the shape differ in size.
  template <class T>
  static Tensor from(std::span<const T> values, Shape shape) {
    Tensor tensor(std::move(shape), DTypeOf<T>::value);
    tensor.copy_in(values.data(), static_cast<std::int64_t>(values.size()));
    return tensor;
  }
  /// Wraps; mutable_data() of a tensor made from a const span throws.
  /// @throws ShapeError when the span and the shape differ in size.
  template <class T>
  static Tensor view(std::span<const T> values, Shape shape) {
    return wrap(const_cast<T*>(values.data()), static_cast<std::int64_t>(values.size()),
                std::move(shape), DTypeOf<T>::value, true);
  }
  template <class T>
  static Tensor view(std::span<T> values, Shape shape) {
    return wrap(values.data(), static_cast<std::int64_t>(values.size()), std::move(shape),
                DTypeOf<T>::value, false);
  }

  const Shape& shape() const noexcept { return shape_; }
  DType dtype() const noexcept { return dtype_; }
  bool empty() const noexcept { return shape_.elements() == 0; }
  std::int64_t bytes() const noexcept { return shape_.elements() * size_of(dtype_); }

  /// @throws InvalidArgument when T is not the tensor's element type.
  template <class T>
  std::span<const T> data() const {
    check_type(DTypeOf<T>::value);
    return {static_cast<const T*>(static_cast<const void*>(data_)),
            static_cast<std::size_t>(shape_.elements())};
  }
  /// @throws InvalidArgument when T is not the element type, or the tensor is a read-only view.
  template <class T>
  std::span<T> mutable_data() {
    check_type(DTypeOf<T>::value);
    check_writable();
    return {static_cast<T*>(static_cast<void*>(data_)),
            static_cast<std::size_t>(shape_.elements())};
  }
  const std::byte* raw() const noexcept { return data_; }
  /// @throws InvalidArgument when the tensor is a read-only view.
  std::byte* mutable_raw() {
    check_writable();
    return data_;
  }

  /// Rows begin..end-1, sharing memory. @throws InvalidArgument outside 0..rows.
  Tensor rows(std::int64_t begin, std::int64_t end) const;
  /// The same elements in another shape, sharing memory. @throws ShapeError.
  Tensor reshape(Shape shape) const;
  Tensor clone() const;
  /// A converted copy; the tensor itself when it has that type already.
  /// @throws InvalidArgument for a value that the type cannot hold.
  Tensor to(DType dtype) const;

 private:
  static Tensor wrap(void* data, std::int64_t elements, Shape shape, DType dtype, bool read_only);
  void copy_in(const void* data, std::int64_t elements);
  void check_type(DType dtype) const;
  void check_writable() const;

  Shape shape_;
  DType dtype_ = DType::f32;
  bool read_only_ = false;
  std::byte* data_ = nullptr;
  std::shared_ptr<std::byte> owner_;
};

}  // namespace minnow
