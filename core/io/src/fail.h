#pragma once

/// Throwing the errors of this room in one line each, and quoting what a hostile file says.

#include <minnow/base/text.h>
#include <minnow/error.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace minnow {

/// MN-P03, "x.npy is damaged: <why> (byte 12)."
[[noreturn]] void fail_damaged(const std::string& path, std::int64_t offset, std::string_view why,
                               std::string evidence = {}, std::string remedy = {});
/// MN-P03, "x.npy is no <kind>: <why> (byte 0)."
[[noreturn]] void fail_foreign(const std::string& path, std::int64_t offset, std::string_view kind,
                               std::string_view why, std::string evidence = {},
                               std::string remedy = {});
[[noreturn]] void fail_argument(Code code, std::string what, std::string evidence = {},
                                std::string remedy = {});
/// MN-P08.
[[noreturn]] void fail_input(const std::string& path, IoError::Action action, std::string_view call,
                             int error_number);

/// "No space left on device (errno 28)"
std::string errno_text(int error_number);
/// In double quotes, what is not printable escaped, cut: names come from files.
std::string in_quotes(std::string_view text, std::size_t longest = 60);

}  // namespace minnow
