#include "decode.h"

#include <minnow/error.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "fail.h"

namespace minnow {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little endian, as we are");

template <class Bits>
Bits load(const std::byte* from, bool big_endian) {
  std::byte bytes[sizeof(Bits)];
  std::memcpy(bytes, from, sizeof bytes);
  if (big_endian) std::reverse(bytes, bytes + sizeof bytes);
  return std::bit_cast<Bits>(bytes);
}

/// IEEE 754 binary16.
float from_half(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half} >> 15 << 31;
  const std::uint32_t exponent = std::uint32_t{half} >> 10 & 0x1F;
  const std::uint32_t fraction = half & 0x3FF;
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24 is exact
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign == 0 ? magnitude : -magnitude;
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFF : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

/// The upper half of a binary32.
float from_bfloat(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

template <class From, class To, class Convert>
Tensor convert(std::span<const std::byte> bytes, Shape shape, bool big_endian, Convert&& to) {
  Tensor tensor(std::move(shape), DTypeOf<To>::value);
  const std::byte* from = bytes.data();
  for (To& value : tensor.mutable_data<To>()) {
    value = to(load<From>(from, big_endian));
    from += sizeof(From);
  }
  return tensor;
}

template <class T>
Tensor copy(std::span<const std::byte> bytes, Shape shape, bool big_endian) {
  if (big_endian && sizeof(T) > 1) {
    return convert<T, T>(bytes, std::move(shape), true, [](T value) { return value; });
  }
  Tensor tensor(std::move(shape), DTypeOf<T>::value);
  if (!bytes.empty()) std::memcpy(tensor.mutable_raw(), bytes.data(), bytes.size());
  return tensor;
}

}  // namespace

std::int64_t size_of(Element element) noexcept {
  switch (element) {
    case Element::u8:
    case Element::i8:
      return 1;
    case Element::f16:
    case Element::bf16:
    case Element::i16:
      return 2;
    case Element::f32:
    case Element::i32:
      return 4;
    case Element::f64:
    case Element::i64:
      return 8;
  }
  return 0;
}

Shape checked_shape(const std::string& path, std::int64_t offset,
                    std::vector<std::int64_t> extents) {
  constexpr std::size_t kMaxRank = 64;  // numpy's
  if (extents.size() > kMaxRank) {
    fail_damaged(path, offset, cat("a shape of ", extents.size(), " extents"),
                 cat("at most ", kMaxRank, " are read"));
  }
  try {
    return Shape(std::move(extents));
  } catch (const Error& error) {  // says what is wrong with the numbers, but not in which file
    std::string cause = error.cause();
    cause.pop_back();
    fail_damaged(path, offset, cause, error.evidence());
  }
}

Tensor decode(std::span<const std::byte> bytes, Shape shape, Element element, bool big_endian) {
  const auto to_float = [](double value) { return static_cast<float>(value); };
  const auto to_int = [](auto value) { return static_cast<std::int32_t>(value); };
  switch (element) {
    case Element::f16:
      return convert<std::uint16_t, float>(bytes, std::move(shape), big_endian, from_half);
    case Element::bf16:
      return convert<std::uint16_t, float>(bytes, std::move(shape), big_endian, from_bfloat);
    case Element::f32:
      return copy<float>(bytes, std::move(shape), big_endian);
    case Element::f64:
      return convert<double, float>(bytes, std::move(shape), big_endian, to_float);
    case Element::u8:
      return copy<std::uint8_t>(bytes, std::move(shape), big_endian);
    case Element::i8:
      return convert<std::int8_t, std::int32_t>(bytes, std::move(shape), big_endian, to_int);
    case Element::i16:
      return convert<std::int16_t, std::int32_t>(bytes, std::move(shape), big_endian, to_int);
    case Element::i32:
      return copy<std::int32_t>(bytes, std::move(shape), big_endian);
    case Element::i64:
      return copy<std::int64_t>(bytes, std::move(shape), big_endian);
  }
  return {};
}

}  // namespace minnow
