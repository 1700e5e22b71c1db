#include "fail.h"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace minnow {

void fail_damaged(const std::string& path, std::int64_t offset, std::string_view why,
                  std::string evidence, std::string remedy) {
  throw FormatError({.code = "MN-P03",
                     .what = cat(path, " is damaged: ", why, " (byte ", offset, ")."),
                     .evidence = std::move(evidence),
                     .remedy = std::move(remedy)},
                    path, offset);
}

void fail_foreign(const std::string& path, std::int64_t offset, std::string_view kind,
                  std::string_view why, std::string evidence, std::string remedy) {
  throw FormatError({.code = "MN-P03",
                     .what = cat(path, " is no ", kind, ": ", why, " (byte ", offset, ")."),
                     .evidence = std::move(evidence),
                     .remedy = std::move(remedy)},
                    path, offset);
}

void fail_argument(Code code, std::string what, std::string evidence, std::string remedy) {
  throw InvalidArgument({.code = code,
                         .what = std::move(what),
                         .evidence = std::move(evidence),
                         .remedy = std::move(remedy)});
}

void fail_input(const std::string& path, IoError::Action action, std::string_view call,
                int error_number) {
  std::string evidence = cat(call, ": ", errno_text(error_number));
  if (error_number == ENOENT && !path.starts_with('/')) {
    std::error_code ignored;
    evidence += cat("; working directory ", std::filesystem::current_path(ignored).string());
  }
  const std::string_view problem = error_number == EISDIR                  ? "is a directory"
                                   : error_number == ENODEV                ? "is a device"
                                   : action == IoError::Action::open_input ? "cannot be opened"
                                                                           : "cannot be read";
  throw IoError(
      {.code = "MN-P08", .what = cat(path, " ", problem, "."), .evidence = std::move(evidence)},
      path, action, error_number);
}

std::string errno_text(int error_number) {
  return cat(std::generic_category().message(error_number), " (errno ", error_number, ")");
}

std::string in_quotes(std::string_view text, std::size_t longest) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result = "\"";
  for (const char letter : text.substr(0, longest)) {
    const auto code = static_cast<unsigned char>(letter);
    if (code < 0x20 || code >= 0x7F) {
      result += cat("\\x", kHex[code >> 4], kHex[code & 15]);
    } else {
      if (letter == '"' || letter == '\\') result += '\\';
      result += letter;
    }
  }
  return result + (text.size() > longest ? "\"..." : "\"");
}

}  // namespace minnow
