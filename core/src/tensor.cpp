#include <minnow/tensor.h>

#include <minnow/base/host_block.h>
#include <minnow/base/text.h>
#include <minnow/error.h>

#include <cstring>
#include <limits>
#include <utility>

namespace minnow {
namespace {

std::shared_ptr<std::byte> allocate(const Shape& shape, DType dtype) {
  return allocate_host(shape.elements() * size_of(dtype), "a tensor",
                       cat("shape ", shape.str(), ", ", name_of(dtype)));
}

void require_elements(std::int64_t elements, const Shape& shape, std::string_view source) {
  if (elements == shape.elements()) return;
  throw ShapeError({.code = "MN-N02",
                    .what = cat(source, " of ", elements, " elements does not fill shape ",
                                shape.str(), ", which has ", shape.elements(), ".")});
}

template <class To, class From>
void convert(std::span<const From> from, std::span<To> to) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if constexpr (!std::is_floating_point_v<To>) {
      // The bounds as doubles: 2^63 itself is not an i64, hence < and not <=. The range comes
      // first, because a conversion out of range is undefined.
      constexpr auto kMiddle = static_cast<To>(std::numeric_limits<To>::max() / 2 + 1);
      constexpr double kEnd = static_cast<double>(kMiddle) * 2.0;
      const auto wide = static_cast<double>(from[i]);
      if (!(wide >= static_cast<double>(std::numeric_limits<To>::min()) && wide < kEnd) ||
          static_cast<From>(static_cast<To>(from[i])) != from[i]) {
        throw InvalidArgument({.code = "MN-N03",
                               .what = cat("element ", i, " is ", from[i], ", which ",
                                           name_of(DTypeOf<To>::value), " cannot hold.")});
      }
    }
    to[i] = static_cast<To>(from[i]);
  }
}

template <class To>
Tensor converted(const Tensor& from) {
  Tensor to(from.shape(), DTypeOf<To>::value);
  switch (from.dtype()) {
    case DType::f32:
      convert(from.data<float>(), to.mutable_data<To>());
      break;
    case DType::u8:
      convert(from.data<std::uint8_t>(), to.mutable_data<To>());
      break;
    case DType::i32:
      convert(from.data<std::int32_t>(), to.mutable_data<To>());
      break;
    case DType::i64:
      convert(from.data<std::int64_t>(), to.mutable_data<To>());
      break;
  }
  return to;
}

}  // namespace

Tensor::Tensor() : shape_{0} {}

Tensor::Tensor(Shape shape, DType dtype)
    : shape_(std::move(shape)), dtype_(dtype), owner_(allocate(shape_, dtype_)) {
  data_ = owner_.get();
}

Tensor Tensor::wrap(void* data, std::int64_t elements, Shape shape, DType dtype, bool read_only) {
  require_elements(elements, shape, "a span");
  Tensor tensor;
  tensor.shape_ = std::move(shape);
  tensor.dtype_ = dtype;
  tensor.read_only_ = read_only;
  tensor.data_ = static_cast<std::byte*>(data);
  return tensor;
}

void Tensor::copy_in(const void* data, std::int64_t elements) {
  require_elements(elements, shape_, "a span");
  if (elements > 0) std::memcpy(data_, data, static_cast<std::size_t>(bytes()));
}

void Tensor::check_type(DType dtype) const {
  if (dtype == dtype_) return;
  throw InvalidArgument(
      {.code = "MN-N02",
       .what = cat("a tensor of ", name_of(dtype_), " was read as ", name_of(dtype), "."),
       .remedy = "convert it with to()"});
}

void Tensor::check_writable() const {
  if (!read_only_) return;
  throw InvalidArgument({.code = "MN-U02",
                         .what = "a read-only tensor cannot be written.",
                         .evidence = "it is a view of constant memory",
                         .remedy = "clone() it first"});
}

Tensor Tensor::rows(std::int64_t begin, std::int64_t end) const {
  if (shape_.rank() == 0 || begin < 0 || end < begin || end > shape_.rows()) {
    throw InvalidArgument(
        {.code = "MN-N02",
         .what = cat("rows ", begin, "..", end, " are outside shape ", shape_.str(), ".")});
  }
  auto extents = shape_.extents();
  extents.front() = end - begin;
  Tensor part = *this;
  part.shape_ = Shape(std::move(extents));
  // A view of no elements may have no memory: offsetting null is undefined.
  if (data_ != nullptr) part.data_ = data_ + begin * shape_.row_elements() * size_of(dtype_);
  return part;
}

Tensor Tensor::reshape(Shape shape) const {
  require_elements(shape_.elements(), shape, "a tensor");
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

Tensor Tensor::clone() const {
  Tensor copy(shape_, dtype_);
  copy.copy_in(data_, shape_.elements());
  return copy;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_) return *this;
  switch (dtype) {
    case DType::f32:
      return converted<float>(*this);
    case DType::u8:
      return converted<std::uint8_t>(*this);
    case DType::i32:
      return converted<std::int32_t>(*this);
    case DType::i64:
      return converted<std::int64_t>(*this);
  }
  return *this;
}

}  // namespace minnow
