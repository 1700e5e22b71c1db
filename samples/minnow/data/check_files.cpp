#include "data/check_files.h"

#include <minnow/error.h>

#include "terminal/numbers.h"

namespace minnow::command {

void fail_damaged(const std::string& path, std::int64_t offset, const std::string& why) {
  throw FormatError(
      {.code = "MN-P03", .what = cat(path, " is damaged: ", why, " (byte ", offset, ").")}, path,
      offset);
}

void fail_foreign(const std::string& path, std::int64_t offset, const std::string& kind,
                  const std::string& why) {
  throw FormatError(
      {.code = "MN-P03", .what = cat(path, " is no ", kind, ": ", why, " (byte ", offset, ").")},
      path, offset);
}

void require_rows(const std::string& path, std::int64_t rows, std::int64_t expected) {
  if (rows == expected && rows > 0) return;
  fail_damaged(path, 0, cat("it has ", rows, " rows, its other file has ", expected));
}

}  // namespace minnow::command
