#include "npy_header.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "fail.h"

namespace minnow {
namespace {

class Parser {
 public:
  Parser(const std::string& path, std::int64_t offset, std::string_view text)
      : path_(path), offset_(offset), text_(text) {}

  NpyHeader parse();

 private:
  [[noreturn]] void fail(std::string_view why) const {
    fail_damaged(path_, offset_ + static_cast<std::int64_t>(position_), why,
                 cat("header ", in_quotes(text_)));
  }
  void skip_space() {
    position_ = std::min(text_.find_first_not_of(" \t\r\n", position_), text_.size());
  }
  bool take(std::string_view token) {
    skip_space();
    if (!text_.substr(position_).starts_with(token)) return false;
    position_ += token.size();
    return true;
  }
  void require(std::string_view token) {
    if (!take(token)) fail(cat("its header lacks ", in_quotes(token), " here"));
  }
  std::string_view string();
  bool boolean();
  std::vector<std::int64_t> tuple();

  const std::string& path_;
  std::int64_t offset_;
  std::string_view text_;
  std::size_t position_ = 0;
};

std::string_view Parser::string() {
  skip_space();
  const char quote = position_ < text_.size() ? text_[position_] : '\0';
  if (quote != '\'' && quote != '"') {
    // A list in place of the type is how numpy writes records.
    fail(quote == '[' ? "records (structured types) are not read" : "its header lacks a string");
  }
  const std::size_t begin = position_ + 1;
  const std::size_t end = text_.find(quote, begin);
  if (end == std::string_view::npos) fail("a string in its header does not end");
  const std::string_view result = text_.substr(begin, end - begin);
  if (result.find('\\') != std::string_view::npos) fail("a string in its header has a backslash");
  position_ = end + 1;
  return result;
}

bool Parser::boolean() {
  if (take("True")) return true;
  if (!take("False")) fail("fortran_order is neither True nor False");
  return false;
}

std::vector<std::int64_t> Parser::tuple() {
  std::vector<std::int64_t> extents;
  bool comma = true;  // as if before the first
  require("(");
  while (!take(")")) {
    if (!comma) fail("the shape in its header is no tuple of integers");
    skip_space();
    std::int64_t extent = 0;
    const char* begin = text_.data() + position_;
    const auto [stop, error] = std::from_chars(begin, text_.data() + text_.size(), extent);
    if (error == std::errc::result_out_of_range) fail("an extent does not fit into 63 bits");
    if (error != std::errc{}) fail("the shape in its header is no tuple of integers");
    if (extent < 0) fail("an extent is negative");
    if (*begin == '0' && stop - begin > 1) fail("an extent has a leading zero");
    position_ += static_cast<std::size_t>(stop - begin);
    extents.push_back(extent);
    comma = take(",");
  }
  // (3) is a number in parentheses to Python, (3,) a tuple.
  if (extents.size() == 1 && !comma) fail("the shape in its header is no tuple");
  return extents;
}

NpyHeader Parser::parse() {
  NpyHeader header;
  bool have_descr = false;
  bool have_order = false;
  bool have_shape = false;
  const auto once = [this](bool& have, std::string_view key) {
    if (std::exchange(have, true)) fail(cat("its header has ", in_quotes(key), " twice"));
  };
  bool comma = true;
  require("{");
  while (!take("}")) {
    if (!comma) fail("its header lacks a comma");
    const std::string_view key = string();
    require(":");
    if (key == "descr") {
      once(have_descr, key);
      header.descr = string();
    } else if (key == "fortran_order") {
      once(have_order, key);
      header.fortran_order = boolean();
    } else if (key == "shape") {
      once(have_shape, key);
      header.shape = tuple();
    } else {
      fail(cat("its header has an unknown key ", in_quotes(key)));
    }
    comma = take(",");
  }
  if (!have_descr || !have_order || !have_shape) {
    fail(cat("its header lacks ", !have_descr ? "descr" : have_order ? "shape" : "fortran_order"));
  }
  skip_space();
  if (position_ != text_.size()) fail("something follows the dict in its header");
  return header;
}

}  // namespace

NpyHeader parse_npy_header(const std::string& path, std::int64_t offset, std::string_view text) {
  return Parser(path, offset, text).parse();
}

}  // namespace minnow
