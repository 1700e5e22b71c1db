#include <minnow/idx.h>

#include <optional>
#include <utility>
#include <vector>

#include "byte_source.h"
#include "decode.h"
#include "fail.h"

namespace minnow {
namespace {

std::optional<Element> element_of(std::byte type) {
  switch (std::to_integer<int>(type)) {
    case 0x08:
      return Element::u8;
    case 0x09:
      return Element::i8;
    case 0x0B:
      return Element::i16;
    case 0x0C:
      return Element::i32;
    case 0x0D:
      return Element::f32;
    case 0x0E:
      return Element::f64;
    default:
      return std::nullopt;
  }
}

std::int64_t big_endian_u32(const std::byte* bytes) {
  std::int64_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::int64_t>(bytes[i]);
  return value;
}

}  // namespace

// Yann LeCun's description of the MNIST files: 00 00 TT DD, DD extents, data; all big endian.
Tensor read_idx(const std::string& path) {
  ByteSource source(path, ByteSource::Gzip::recognise);
  const auto magic = source.first(4);
  if (magic.size() < 4) {
    fail_foreign(path, static_cast<std::int64_t>(magic.size()), "IDX file",
                 cat("it has only ", magic.size(), " bytes"));
  }
  if (magic[0] != std::byte{0} || magic[1] != std::byte{0}) {
    fail_foreign(path, 0, "IDX file", cat("it starts with ", in_quotes(as_text(magic))),
                 "an IDX file starts with two zero bytes");
  }
  const std::optional<Element> element = element_of(magic[2]);
  if (!element) {
    fail_foreign(path, 2, "IDX file",
                 cat("type ", std::to_integer<int>(magic[2]), " is none of 8, 9, 11, 12, 13, 14"));
  }
  const auto rank = std::to_integer<std::int64_t>(magic[3]);

  const std::int64_t header = 4 + 4 * rank;
  const auto head = source.first(header);
  if (static_cast<std::int64_t>(head.size()) < header) {
    fail_damaged(path, static_cast<std::int64_t>(head.size()), "it ends inside its header",
                 cat(rank, " extents are declared"));
  }
  std::vector<std::int64_t> extents;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    extents.push_back(big_endian_u32(head.data() + 4 + 4 * axis));
  }
  Shape shape = checked_shape(path, 4, std::move(extents));

  // No overflow: a Shape fits with 8 bytes per element, less than 2^63 in all.
  const std::int64_t bytes = shape.elements() * size_of(*element);
  const auto content = source.exactly(header, bytes, cat("the data of shape ", shape.str()));
  return decode(content, std::move(shape), *element, true);
}

}  // namespace minnow
