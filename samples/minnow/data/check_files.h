#pragma once

/// What files of a data set can be, other than expected.

#include <cstdint>
#include <string>

namespace minnow::command {

/// "x.gz is damaged: <why> (byte 12)." @throws FormatError.
[[noreturn]] void fail_damaged(const std::string& path, std::int64_t offset,
                               const std::string& why);
/// "x.gz is no <kind>: <why> (byte 4)." @throws FormatError.
[[noreturn]] void fail_foreign(const std::string& path, std::int64_t offset,
                               const std::string& kind, const std::string& why);
/// @throws FormatError unless the file has as many rows as its other one, and some.
void require_rows(const std::string& path, std::int64_t rows, std::int64_t expected);

}  // namespace minnow::command
