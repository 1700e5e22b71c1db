#include "machine/vendor_text.h"

#include <minnow/base/text.h>

namespace minnow::machine {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string first_version(std::string_view text) {
  for (std::size_t start = 0; start < text.size(); ++start) {
    if (!is_digit(text[start]) || (start > 0 && is_digit(text[start - 1]))) continue;
    std::size_t end = start;
    int dots = 0;
    while (end < text.size()) {
      if (is_digit(text[end])) {
        ++end;
      } else if (text[end] == '.' && end + 1 < text.size() && is_digit(text[end + 1]) && dots < 2) {
        ++end;
        ++dots;
      } else {
        break;
      }
    }
    if (dots > 0) return std::string(text.substr(start, end - start));
  }
  return "";
}

std::string megabytes(double bytes) {
  constexpr double kMega = 1e6;
  if (bytes < kMega) return cat(static_cast<std::int64_t>(bytes), " bytes");
  const auto tenths = static_cast<std::int64_t>(bytes / kMega * 10 + 0.5);
  return cat(tenths / 10, ".", tenths % 10, " MB");
}

}  // namespace minnow::machine
