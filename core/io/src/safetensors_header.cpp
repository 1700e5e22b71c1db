#include "safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "byte_source.h"
#include "fail.h"
#include "utf8.h"

namespace minnow {
namespace {

using nlohmann::json;

constexpr std::int64_t kHeaderStart = 8;
constexpr std::string_view kMetadata = "__metadata__";

/// All that the format knows, in its order of alignment.
constexpr SafeTensorsType kTypes[] = {
    {"BOOL", 8, Element::u8},         {"F4", 4, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},     {"F6_E3M2", 6, std::nullopt},
    {"U8", 8, Element::u8},           {"I8", 8, Element::i8},
    {"F8_E5M2", 8, std::nullopt},     {"F8_E4M3", 8, std::nullopt},
    {"F8_E8M0", 8, std::nullopt},     {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt}, {"I16", 16, Element::i16},
    {"U16", 16, std::nullopt},        {"F16", 16, Element::f16},
    {"BF16", 16, Element::bf16},      {"I32", 32, Element::i32},
    {"U32", 32, std::nullopt},        {"F32", 32, Element::f32},
    {"C64", 64, std::nullopt},        {"F64", 64, Element::f64},
    {"I64", 64, Element::i64},        {"U64", 64, std::nullopt}};

const SafeTensorsType* find_type(std::string_view name) {
  const auto* found = std::ranges::find(kTypes, name, &SafeTensorsType::name);
  return found == std::end(kTypes) ? nullptr : found;
}

/// SAX and not a tree, because a tree keeps one of two equal keys and says nothing.
class Handler final : public nlohmann::json_sax<json> {
 public:
  Handler(const std::string& path, SafeTensorsHeader& header) : path_(path), header_(header) {}

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return unexpected("a number that is no 64-bit integer");
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    SafeTensorsEntry& entry = current();
    if (place_ == Place::shape) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return unexpected("an extent of more than 63 bits");
      }
      entry.shape.push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::offsets && offsets_ < 2) {
      (offsets_++ == 0 ? entry.begin : entry.end) = value;
    } else {
      return unexpected("a number");
    }
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      header_.metadata[key_] = value;
      return true;
    }
    if (place_ != Place::tensor || key_ != "dtype") return unexpected("a string");
    current().type = find_type(value);
    if (current().type == nullptr) return unexpected(cat("the unknown dtype ", in_quotes(value)));
    return true;
  }

  bool key(string_t& key) override {
    bool fresh = true;
    if (place_ == Place::root) {
      fresh = names_.insert(key).second;
      name_ = key;
    } else if (place_ == Place::metadata) {
      fresh = !header_.metadata.contains(key);
    } else {
      if (key != "dtype" && key != "shape" && key != "data_offsets") {
        return unexpected(cat("the unknown key ", in_quotes(key)));
      }
      fresh = keys_.insert(key).second;
    }
    if (!fresh) fail(cat("its header has ", in_quotes(key), " twice"));
    key_ = key;
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::root;
    } else if (place_ == Place::root && name_ == kMetadata) {
      place_ = Place::metadata;
    } else if (place_ == Place::root) {
      place_ = Place::tensor;
      offsets_ = 0;
      keys_.clear();
      header_.entries.emplace_back().name = name_;
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor && keys_.size() != 3) {
      return unexpected("not all of dtype, shape and data_offsets");
    }
    place_ = place_ == Place::root ? Place::outside : Place::root;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || key_ == "dtype") return unexpected("an array");
    place_ = key_ == "shape" ? Place::shape : Place::offsets;
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets && offsets_ != 2) return unexpected("fewer than two offsets");
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    fail_damaged(path_, kHeaderStart + static_cast<std::int64_t>(position), "its header is no JSON",
                 in_quotes(error.what()));
  }

 private:
  enum class Place : std::uint8_t { outside, root, metadata, tensor, shape, offsets };

  [[noreturn]] void fail(std::string_view why) const { fail_damaged(path_, kHeaderStart, why); }
  bool unexpected(std::string_view what) const {
    if (place_ == Place::outside) fail("its header is no JSON object");
    fail(cat("its header has ", what, place_ == Place::root ? " as " : " in ", in_quotes(name_)));
  }
  SafeTensorsEntry& current() {
    if (header_.entries.empty()) unexpected("a number");
    return header_.entries.back();
  }

  const std::string& path_;
  SafeTensorsHeader& header_;
  Place place_ = Place::outside;
  std::string name_;  // of the tensor
  std::string key_;
  int offsets_ = 0;              // seen of the two
  std::set<std::string> names_;  // of tensors
  std::set<std::string> keys_;   // of this tensor
};

std::string_view type_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "F32";
    case DType::u8:
      return "U8";
    case DType::i32:
      return "I32";
    case DType::i64:
      return "I64";
  }
  return {};
}

}  // namespace

SafeTensorsHeader parse_safetensors_header(const std::string& path, std::string_view text) {
  const std::size_t invalid = find_invalid_utf8(text);
  if (invalid != std::string_view::npos) {
    fail_damaged(path, kHeaderStart + static_cast<std::int64_t>(invalid),
                 "its header is not UTF-8");
  }
  if (!text.starts_with('{')) {
    fail_damaged(path, kHeaderStart, "its header does not start with {",
                 cat("it starts with ", in_quotes(text.substr(0, 8))));
  }
  // The parser takes a NUL for the end of its input and would not see what follows.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    fail_damaged(path, kHeaderStart + static_cast<std::int64_t>(nul),
                 "its header is no JSON: it has a zero byte");
  }
  SafeTensorsHeader header;
  Handler handler(path, header);
  json::sax_parse(text, &handler);
  return header;
}

std::string json_text(std::string_view text) {
  if (find_invalid_utf8(text) != std::string_view::npos) {
    fail_argument("MN-U01", cat(in_quotes(text), " is not UTF-8 and cannot be stored."));
  }
  return json(text).dump();
}

SafeTensorsLayout lay_out_safetensors(const SafeTensors& file) {
  SafeTensorsLayout layout;
  std::vector<std::pair<const std::string*, const Tensor*>> order;
  for (const auto& [name, tensor] : file.tensors) {
    if (name == kMetadata) fail_argument("MN-U01", "a tensor cannot be named __metadata__.");
    order.emplace_back(&name, &tensor);
  }
  // By dtype, the widest first, then by name (the map's order): every tensor is aligned.
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) {
    return find_type(type_name(a.second->dtype())) > find_type(type_name(b.second->dtype()));
  });

  std::string header = "{";
  if (!file.metadata.empty()) {
    for (const auto& [key, value] : file.metadata) {
      header += cat(header.size() == 1 ? R"("__metadata__":{)" : ",", json_text(key), ":",
                    json_text(value));
    }
    header += '}';
  }
  std::int64_t offset = 0;
  for (const auto& [name, tensor] : order) {
    std::string shape;
    for (const std::int64_t extent : tensor->shape().extents()) {
      shape += cat(shape.empty() ? "" : ",", extent);
    }
    header += cat(header.size() == 1 ? "" : ",", json_text(*name), R"(:{"dtype":")",
                  type_name(tensor->dtype()), R"(","shape":[)", shape, R"(],"data_offsets":[)",
                  offset, ",", offset + tensor->bytes(), "]}");
    offset += tensor->bytes();
    layout.tensors.push_back(tensor);
  }
  header += '}';
  // The reference pads to 8; data at a multiple of 64 suits whoever maps the file.
  constexpr std::size_t kAlignment = 64;
  header.append((kAlignment - (8 + header.size()) % kAlignment) % kAlignment, ' ');
  for (unsigned byte = 0; byte < 8; ++byte) {
    layout.lead += static_cast<char>(header.size() >> (8 * byte) & 0xFF);
  }
  layout.lead += header;
  if (header.size() > kMaxSafeTensorsHeader) {
    fail_argument("MN-U01",
                  cat("names and metadata of ", header.size(), " bytes cannot be stored."),
                  cat("a safetensors header has at most ", kMaxSafeTensorsHeader, " bytes"));
  }
  layout.bytes = static_cast<std::int64_t>(layout.lead.size()) + offset;
  if (layout.bytes > ByteSource::kMaxBytes) {
    fail_argument("MN-U01", cat("a file of ", layout.bytes, " bytes could not be read again."),
                  cat("at most ", ByteSource::kMaxBytes, " bytes are read of a file"));
  }
  return layout;
}

}  // namespace minnow
