#pragma once

/// Every code that a message of minnow can end with: what it means, what the message shows, and
/// what helps. The reference for people is docs/errors.md, made from this table.
///
///     if (error.code() == "MN-D02") offer_other_build();
///     if (const auto* known = minnow::find_error_code(error.code())) show(known->remedy);

#include <minnow/export.h>

#include <iosfwd>
#include <span>
#include <string_view>

namespace minnow {

/// All of them: D drivers and devices, I handles of libraries, K kernels and hardware, L libraries,
/// M memory, N data and numbers, P files and the process, U use, X internal.
// clang-format off
inline constexpr std::string_view kErrorCodes[] = {
    "MN-D01", "MN-D02", "MN-D03", "MN-D03a", "MN-D03b", "MN-D03c", "MN-D04", "MN-D05", "MN-D06", "MN-D07", "MN-D08", "MN-D08s", "MN-D09", "MN-D10", "MN-D11", "MN-D12", "MN-D13", "MN-D14", "MN-D20", "MN-D21",
    "MN-I01", "MN-I02",
    "MN-K01", "MN-K02", "MN-K04", "MN-K05", "MN-K06",
    "MN-L01", "MN-L02", "MN-L03", "MN-L04", "MN-L05", "MN-L06", "MN-L07", "MN-L10", "MN-L11", "MN-L12", "MN-L13",
    "MN-M01", "MN-M02", "MN-M03", "MN-M08", "MN-M09", "MN-M10",
    "MN-N01", "MN-N02", "MN-N03", "MN-N04", "MN-N05", "MN-N07",
    "MN-P01", "MN-P03", "MN-P05", "MN-P08", "MN-P09", "MN-P13",
    "MN-U01", "MN-U02", "MN-U03",
    "MN-X01",
};
// clang-format on

/// The code of an error. A literal that is none of kErrorCodes does not compile, where an error is
/// made and where a code is compared with one.
class Code {
 public:
  constexpr Code() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is checked where it is written
  consteval Code(const char* code) {
    bool known = false;
    for (const std::string_view one : kErrorCodes) known = known || one == code;
    if (!known) throw "kErrorCodes has no such code";
    copy(code);
  }
  /// A code that is known at run time only: of another process, or of an error that is not one of
  /// minnow's. Up to 11 characters of it.
  static constexpr Code of(std::string_view text) {
    Code code;
    code.copy(text.substr(0, sizeof code.text_ - 1));
    return code;
  }

  constexpr const char* c_str() const noexcept { return text_; }
  constexpr std::string_view text() const noexcept { return text_; }
  // NOLINTNEXTLINE(google-explicit-constructor): it is a text with a promise
  constexpr operator std::string_view() const noexcept { return text_; }
  friend constexpr bool operator==(const Code& a, const Code& b) noexcept {
    return a.text() == b.text();
  }

 private:
  constexpr void copy(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) text_[i] = text[i];
  }
  char text_[12] = {};
};
MINNOW_API std::ostream& operator<<(std::ostream& stream, const Code& code);

struct ErrorCode {
  Code code;                  // "MN-D02"
  std::string_view title;     // the cause in plain words
  std::string_view evidence;  // what the message shows
  std::string_view remedy;
  std::string_view type;  // of the exception: "DeviceUnavailable"; empty: a note, work goes on
};

/// In the order of docs/errors.md: by letter, then by number.
MINNOW_API std::span<const ErrorCode> error_codes() noexcept;

/// "MN-D08s", "D08s" and "d08S" are the same; null for a code that is none.
MINNOW_API const ErrorCode* find_error_code(std::string_view code) noexcept;

}  // namespace minnow
