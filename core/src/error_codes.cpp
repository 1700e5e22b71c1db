#include <minnow/error_codes.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <ostream>

#include "error_table_devices.h"
#include "error_table_work.h"

namespace minnow {
namespace {

constexpr auto kCodes = [] {
  std::array<ErrorCode, std::size(kDeviceCodes) + std::size(kWorkCodes)> codes{};
  auto end = std::copy(std::begin(kDeviceCodes), std::end(kDeviceCodes), codes.begin());
  std::copy(std::begin(kWorkCodes), std::end(kWorkCodes), end);
  std::sort(codes.begin(), codes.end(),
            [](const ErrorCode& a, const ErrorCode& b) { return a.code.text() < b.code.text(); });
  return codes;
}();

static_assert(
    std::equal(std::begin(kCodes), std::end(kCodes), std::begin(kErrorCodes), std::end(kErrorCodes),
               [](const ErrorCode& row, std::string_view code) { return row.code.text() == code; }),
    "the tables explain each code of kErrorCodes, and in its order");

constexpr std::string_view kPrefix = "MN-";

// In ASCII, whatever the locale.
constexpr char upper(char letter) {
  return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char left, char right) { return upper(left) == upper(right); });
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const Code& code) { return stream << code.text(); }

std::span<const ErrorCode> error_codes() noexcept { return kCodes; }

const ErrorCode* find_error_code(std::string_view code) noexcept {
  if (same(code.substr(0, kPrefix.size()), kPrefix)) code.remove_prefix(kPrefix.size());
  const auto found = std::find_if(kCodes.begin(), kCodes.end(), [code](const ErrorCode& known) {
    return same(known.code.text().substr(kPrefix.size()), code);
  });
  return found == kCodes.end() ? nullptr : &*found;
}

}  // namespace minnow
