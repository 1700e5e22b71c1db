#include <minnow/csv.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "byte_source.h"
#include "fail.h"

namespace minnow {
namespace {

bool is_blank(char letter) { return letter == ' ' || letter == '\t' || letter == '\r'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

enum class Cell : std::uint8_t { number, not_a_number, out_of_range };

/// What C's strtof takes, without hexadecimal and without the locale: "1", "-.5", "1e-3", "nan",
/// "inf"; also in double quotes.
Cell parse(std::string_view text, float& value) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = trim(text.substr(1, text.size() - 2));
  }
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::invalid_argument || stop != end) return Cell::not_a_number;
  if (error != std::errc::result_out_of_range) return Cell::number;
  // Too small is zero (or subnormal), too large is no f32.
  double wide = 0.0;
  const bool fits = std::from_chars(text.data(), end, wide).ec == std::errc{};
  const bool small =
      fits ? std::abs(wide) < 1.0
           : text.find_first_of("eE") != text.npos && text[text.find_first_of("eE") + 1] == '-';
  if (!small) return Cell::out_of_range;
  value = static_cast<float>(wide);
  return Cell::number;
}

class Parser {
 public:
  Parser(const std::string& path, std::string_view text, const CsvOptions& options)
      : path_(path), text_(text), options_(options) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) position_ = kByteOrderMark.size();
  }

  Tensor parse_all();

 private:
  bool next_line(std::string_view& line);
  /// The next cell of a line; `from` moves on. False when there are no more.
  bool next_cell(std::string_view line, std::size_t& from, std::string_view& cell) const;
  bool is_header(std::string_view line) const;
  void parse_line(std::string_view line);
  std::int64_t offset_of(std::string_view part) const { return part.data() - text_.data(); }

  const std::string& path_;
  std::string_view text_;
  const CsvOptions& options_;
  std::size_t position_ = 0;
  std::int64_t line_ = 0;  // from 1
  std::int64_t rows_ = 0;
  std::int64_t first_row_line_ = 0;
  std::size_t columns_ = 0;
  std::vector<float> values_;
};

bool Parser::next_line(std::string_view& line) {
  while (position_ < text_.size()) {
    const std::size_t end = std::min(text_.find('\n', position_), text_.size());
    line = text_.substr(position_, end - position_);
    position_ = end + 1;
    ++line_;
    if (!trim(line).empty()) return true;
  }
  return false;
}

bool Parser::next_cell(std::string_view line, std::size_t& from, std::string_view& cell) const {
  std::size_t end = 0;
  if (options_.separator == ' ') {  // any run of blanks
    from = std::min(line.find_first_not_of(" \t\r", from), line.size());
    if (from == line.size()) return false;
    end = std::min(line.find_first_of(" \t\r", from), line.size());
  } else {
    if (from > line.size()) return false;  // one past the end: an empty last cell
    end = std::min(line.find(options_.separator, from), line.size());
  }
  cell = trim(line.substr(from, end - from));
  from = end + 1;
  return true;
}

bool Parser::is_header(std::string_view line) const {
  if (options_.header != CsvOptions::Header::automatic) {
    return options_.header == CsvOptions::Header::yes;
  }
  float ignored = 0.0F;
  std::size_t from = 0;
  std::string_view cell;
  while (from <= line.size() && next_cell(line, from, cell)) {
    if (parse(cell, ignored) == Cell::not_a_number) return true;
  }
  return false;
}

void Parser::parse_line(std::string_view line) {
  std::size_t from = 0;
  std::size_t column = 0;
  std::string_view cell;
  while (from <= line.size() && next_cell(line, from, cell)) {
    ++column;
    float value = 0.0F;
    const Cell result = parse(cell, value);
    if (result != Cell::number) {
      const std::string_view why = cell.empty()                   ? "is empty"
                                   : result == Cell::out_of_range ? "is too large for an f32"
                                                                  : "is no number";
      const std::string text = cell.empty() ? "" : cat(": ", in_quotes(cell));
      const std::int64_t offset = offset_of(cell);
      throw FormatError({.code = "MN-P03",
                         .what = cat(path_, ", line ", line_, ", column ", column, " (byte ",
                                     offset, ") ", why, text, "."),
                         .remedy = cell.empty() ? "write nan for a value that is missing" : ""},
                        path_, offset);
    }
    values_.push_back(value);
  }
  if (rows_ == 0) {
    columns_ = column;
    first_row_line_ = line_;
  } else if (column != columns_) {
    const std::int64_t offset = offset_of(line);
    throw FormatError({.code = "MN-P03",
                       .what = cat(path_, ", line ", line_, " (byte ", offset, ") has ", column,
                                   " columns, line ", first_row_line_, " has ", columns_, ".")},
                      path_, offset);
  }
  ++rows_;
}

Tensor Parser::parse_all() {
  std::string_view line;
  if (next_line(line) && !is_header(line)) parse_line(line);
  while (next_line(line)) parse_line(line);
  if (rows_ == 0) {
    fail_foreign(path_, static_cast<std::int64_t>(text_.size()), "file of numbers", "it has no row",
                 cat(text_.size(), " bytes, ", line_, " lines"));
  }
  return Tensor::from(std::span<const float>(values_),
                      {rows_, static_cast<std::int64_t>(columns_)});
}

}  // namespace

Tensor read_csv(const std::string& path, const CsvOptions& options) {
  constexpr std::string_view kPartsOfNumbers = "+-.\"\r\n";
  const char separator = options.separator;
  if (std::string_view("0123456789").find(separator) != std::string_view::npos ||
      (separator >= 'a' && separator <= 'z') || (separator >= 'A' && separator <= 'Z') ||
      kPartsOfNumbers.find(separator) != std::string_view::npos) {
    fail_argument("MN-U01", cat(in_quotes({&separator, 1}), " cannot separate numbers."), {},
                  "use ',', ';', '\\t' or ' '");
  }
  ByteSource source(path, ByteSource::Gzip::recognise);
  return Parser(path, as_text(source.all()), options).parse_all();
}

}  // namespace minnow
