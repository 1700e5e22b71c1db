#pragma once

/// Every code that a message of minnow can end with: what it means, what the message shows, and
/// what helps. The reference for people is docs/errors.md, made from this table.
///
///     if (const auto* known = minnow::find_error_code(error.code())) show(known->remedy);

#include <minnow/export.h>

#include <span>
#include <string_view>

namespace minnow {

struct ErrorCode {
  std::string_view code;      // "MN-D02"
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
