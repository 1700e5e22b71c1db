#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "text.h"

namespace minnow::machine {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string setting(const char* name) {
  const char* value = secure_getenv(name);
  return value == nullptr ? "" : value;
}

std::string rooted(std::string_view path) { return cat(setting("MINNOW_SYSROOT"), path); }

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

std::string read_text(const std::string& path) {
  constexpr std::size_t kMost = 64 << 10;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  std::string text;
  char buffer[4096];
  while (text.size() < kMost) {
    const ssize_t got = read(file, buffer, sizeof buffer);
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  close(file);
  return text;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open_folder(opendir(folder.c_str()), closedir);
  if (open_folder == nullptr) return names;
  while (const dirent* entry = readdir(open_folder.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

std::string name_in(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

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
