#include <minnow/output_file.h>
#include <minnow/safetensors.h>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "byte_source.h"
#include "decode.h"
#include "fail.h"
#include "safetensors_header.h"

namespace minnow {
namespace {

constexpr std::int64_t kLead = 8;  // the header's length

/// Checks in the reference reader's order and returns the end of the last tensor's bytes.
std::uint64_t check(const std::string& path, std::int64_t data_start,
                    std::vector<SafeTensorsEntry>& entries, std::vector<Shape>& shapes) {
  std::ranges::sort(entries, {},
                    [](const auto& entry) { return std::tuple(entry.begin, entry.end); });
  std::uint64_t last = 0;
  for (const SafeTensorsEntry& entry : entries) {
    const std::string name = in_quotes(entry.name);
    const std::string range = cat("data_offsets ", entry.begin, "..", entry.end);
    const std::int64_t at = data_start + static_cast<std::int64_t>(last);
    if (entry.begin != last || entry.end < entry.begin) {
      fail_damaged(path, at,
                   cat("the bytes of tensor ", name,
                       " overlap others, leave a hole, or run "
                       "backwards"),
                   cat(range, ", the one before ends at ", last));
    }
    // Keeps `at` within 63 bits; nothing that large is read anyway.
    if (entry.end > static_cast<std::uint64_t>(ByteSource::kMaxBytes)) {
      fail_damaged(path, at, cat("tensor ", name, " ends beyond what is read of a file"),
                   cat(range, ", at most ", ByteSource::kMaxBytes, " bytes"));
    }
    const Shape& shape = shapes.emplace_back(checked_shape(path, at, entry.shape));
    // A Shape fits with 64 bits per element into 63 bits of bytes; count eights of elements.
    const std::int64_t rest = shape.elements() % 8 * entry.type->bits;
    if (rest % 8 != 0) {
      fail_damaged(path, at, cat("tensor ", name, " does not fill its last byte"),
                   cat("shape ", shape.str(), " of ", entry.type->name));
    }
    const std::int64_t bytes = shape.elements() / 8 * entry.type->bits + rest / 8;
    if (entry.end - entry.begin != static_cast<std::uint64_t>(bytes)) {
      fail_damaged(path, at,
                   cat("tensor ", name, " of shape ", shape.str(), " and dtype ", entry.type->name,
                       " needs ", bytes, " bytes and has ", entry.end - entry.begin),
                   range);
    }
    last = entry.end;
  }
  return last;
}

}  // namespace

SafeTensors read_safetensors(const std::string& path, const SafeTensorsOptions& options) {
  // Any first two bytes may be the length of a header, those of gzip, too.
  ByteSource source(path, ByteSource::Gzip::never);
  const auto lead = source.first(kLead);
  if (static_cast<std::int64_t>(lead.size()) < kLead) {
    fail_foreign(path, static_cast<std::int64_t>(lead.size()), "safetensors file",
                 cat("it has only ", lead.size(), " bytes"));
  }
  std::uint64_t length = 0;
  for (std::size_t at = 8; at-- > 0;) {
    length = length << 8 | std::to_integer<std::uint64_t>(lead[at]);
  }
  if (length > kMaxSafeTensorsHeader) {
    fail_foreign(path, 0, "safetensors file",
                 cat("its first 8 bytes declare a header of ", length, " bytes"),
                 cat("at most ", kMaxSafeTensorsHeader, " are allowed"));
  }
  const std::int64_t data_start = kLead + static_cast<std::int64_t>(length);
  const auto head = source.first(data_start);
  if (static_cast<std::int64_t>(head.size()) < data_start) {
    fail_damaged(path, static_cast<std::int64_t>(head.size()), "it ends inside its header",
                 cat("the header needs ", length, " bytes, ", head.size() - 8, " are there"));
  }
  SafeTensorsHeader header = parse_safetensors_header(path, as_text(head.subspan(8)));
  std::vector<Shape> shapes;
  const auto bytes = static_cast<std::int64_t>(check(path, data_start, header.entries, shapes));
  const std::string_view what = "the data of all tensors";
  const auto data = options.allow_trailing ? source.at_least(data_start, bytes, what)
                                           : source.exactly(data_start, bytes, what);

  SafeTensors file{.tensors = {}, .metadata = std::move(header.metadata)};
  for (std::size_t i = 0; i < header.entries.size(); ++i) {
    const SafeTensorsEntry& entry = header.entries[i];
    if (!entry.type->element) {
      fail_damaged(path, data_start + static_cast<std::int64_t>(entry.begin),
                   cat("tensor ", in_quotes(entry.name), " is of dtype ", entry.type->name,
                       ", which is not read"),
                   "F16, BF16, F32, F64, BOOL, U8, I8, I16, I32 and I64 are");
    }
    file.tensors.emplace(entry.name, decode(data.subspan(entry.begin, entry.end - entry.begin),
                                            std::move(shapes[i]), *entry.type->element));
  }
  return file;
}

void write_safetensors(const std::string& path, const SafeTensors& file) {
  const SafeTensorsLayout layout = lay_out_safetensors(file);
  OutputFile output(path, layout.bytes);
  output.write(layout.lead);
  for (const Tensor* tensor : layout.tensors) {
    output.write({tensor->raw(), static_cast<std::size_t>(tensor->bytes())});
  }
  output.commit();
}

}  // namespace minnow
