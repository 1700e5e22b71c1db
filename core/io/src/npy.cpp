#include <minnow/npy.h>
#include <minnow/output_file.h>

#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "byte_source.h"
#include "decode.h"
#include "fail.h"
#include "npy_header.h"

namespace minnow {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::int64_t kMaxHeader = 10000;  // numpy's own limit
constexpr std::size_t kAlignment = 64;

std::optional<Element> element_of(std::string_view type) {
  constexpr std::pair<std::string_view, Element> kTypes[] = {
      {"f2", Element::f16}, {"f4", Element::f32}, {"f8", Element::f64},
      {"u1", Element::u8},  {"b1", Element::u8},  {"i1", Element::i8},
      {"i2", Element::i16}, {"i4", Element::i32}, {"i8", Element::i64}};
  for (const auto& [name, element] : kTypes) {
    if (type == name) return element;
  }
  return std::nullopt;
}

/// `<` little, `>` big, `|` of one byte, `=` native.
Element parse_descr(const std::string& path, std::int64_t offset, std::string_view descr) {
  if (descr.find('O') != std::string_view::npos) {
    fail_damaged(path, offset, "it holds pickled Python objects, not numbers",
                 cat("descr ", in_quotes(descr)),
                 "save it again with a numeric type: numpy.save(file, x.astype('float32'))");
  }
  const bool order = !descr.empty() && std::string_view("<>|=").find(descr[0]) != descr.npos;
  const std::optional<Element> element = element_of(order ? descr.substr(1) : "");
  if (!element || (descr[0] == '|' && size_of(*element) != 1)) {
    fail_damaged(path, offset, cat("elements of type ", in_quotes(descr), " are not read"),
                 "f2, f4, f8, i1, i2, i4, i8, u1 and b1 are",
                 "save it again with one of those: numpy.save(file, x.astype('float32'))");
  }
  return *element;
}

/// Elements of a column-major array in row-major order.
template <class T>
void to_row_major(std::span<const T> from, std::span<T> to, const Shape& shape) {
  const auto rank = static_cast<std::size_t>(shape.rank());
  std::vector<std::int64_t> strides(rank, 1);
  for (std::size_t axis = 1; axis < rank; ++axis) {
    strides[axis] = strides[axis - 1] * shape.extents()[axis - 1];
  }
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t source = 0;
  for (T& value : to) {
    value = from[static_cast<std::size_t>(source)];
    for (std::size_t axis = rank; axis-- > 0;) {  // the last index runs fastest
      source += strides[axis];
      if (++index[axis] < shape.extents()[axis]) break;
      source -= strides[axis] * index[axis];
      index[axis] = 0;
    }
  }
}

Tensor row_major(const Tensor& from) {
  Tensor to(from.shape(), from.dtype());
  switch (from.dtype()) {
    case DType::f32:
      to_row_major(from.data<float>(), to.mutable_data<float>(), from.shape());
      break;
    case DType::u8:
      to_row_major(from.data<std::uint8_t>(), to.mutable_data<std::uint8_t>(), from.shape());
      break;
    case DType::i32:
      to_row_major(from.data<std::int32_t>(), to.mutable_data<std::int32_t>(), from.shape());
      break;
    case DType::i64:
      to_row_major(from.data<std::int64_t>(), to.mutable_data<std::int64_t>(), from.shape());
      break;
  }
  return to;
}

std::string_view descr_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "<f4";
    case DType::u8:
      return "|u1";
    case DType::i32:
      return "<i4";
    case DType::i64:
      return "<i8";
  }
  return {};
}

}  // namespace

// numpy.lib.format, versions 1.0, 2.0 and 3.0.
Tensor read_npy(const std::string& path) {
  ByteSource source(path, ByteSource::Gzip::never);
  const auto start = source.first(8);
  const auto have = static_cast<std::int64_t>(start.size());
  if (have < 8 || !as_text(start).starts_with(kMagic)) {
    fail_foreign(path, 0, ".npy file", cat("it starts with ", in_quotes(as_text(start))),
                 R"(an .npy file starts with "\x93NUMPY" and a version)");
  }
  const int major = std::to_integer<int>(start[6]);
  const int minor = std::to_integer<int>(start[7]);
  if (major < 1 || major > 3 || minor != 0) {
    fail_foreign(path, 6, ".npy file that can be read", cat("version ", major, ".", minor),
                 "versions 1.0, 2.0 and 3.0 are read");
  }
  const std::int64_t begin = major == 1 ? 10 : 12;
  const auto lead = source.first(begin);
  if (static_cast<std::int64_t>(lead.size()) < begin) {
    fail_damaged(path, static_cast<std::int64_t>(lead.size()), "it ends inside its header");
  }
  std::int64_t length = 0;
  for (std::int64_t at = begin; at-- > 8;) {  // little endian
    length = length << 8 | std::to_integer<std::int64_t>(lead[static_cast<std::size_t>(at)]);
  }
  if (length > kMaxHeader) {
    fail_damaged(path, 8, cat("a header of ", length, " bytes"),
                 cat("at most ", kMaxHeader, " are read"));
  }
  const auto head = source.first(begin + length);
  if (static_cast<std::int64_t>(head.size()) < begin + length) {
    fail_damaged(path, static_cast<std::int64_t>(head.size()), "it ends inside its header",
                 cat("the header needs ", length, " bytes"));
  }
  NpyHeader header =
      parse_npy_header(path, begin, as_text(head.subspan(static_cast<std::size_t>(begin))));
  const Element element = parse_descr(path, begin, header.descr);
  Shape shape = checked_shape(path, begin, std::move(header.shape));

  const std::int64_t bytes = shape.elements() * size_of(element);
  const auto data = source.exactly(begin + length, bytes, cat("the data of shape ", shape.str()));
  Tensor tensor = decode(data, std::move(shape), element, header.descr[0] == '>');
  return header.fortran_order && tensor.shape().rank() > 1 ? row_major(tensor) : tensor;
}

void write_npy(const std::string& path, const Tensor& tensor) {
  std::string header = cat("{'descr': '", descr_of(tensor.dtype()),
                           "', 'fortran_order': False, 'shape': ", tensor.shape().str(), ", }");
  constexpr std::size_t kLead = 10;  // magic, version, length
  header.append(kAlignment - 1 - (kLead + header.size()) % kAlignment, ' ');
  header += '\n';
  if (header.size() > 0xFFFF) {
    fail_argument("MN-U01", cat("a tensor of rank ", tensor.shape().rank(),
                                " does not fit into the header of an .npy file."));
  }
  std::string lead(kMagic);
  lead +=
      {'\1', '\0', static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  OutputFile file(path, static_cast<std::int64_t>(lead.size() + header.size()) + tensor.bytes());
  file.write(lead);
  file.write(header);
  file.write({tensor.raw(), static_cast<std::size_t>(tensor.bytes())});
  file.commit();
}

}  // namespace minnow
