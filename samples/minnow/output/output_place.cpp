#include "output/output_place.h"

#include <minnow/error.h>
#include <minnow/output_file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace minnow::command {
namespace {

constexpr const char* kRuns = "runs";

[[noreturn]] void no_place(const std::string& path, int error, const std::string& evidence,
                           const std::string& remedy) {
  throw IoError({.code = "MN-P05",
                 .what = path + " cannot be written.",
                 .evidence = evidence,
                 .remedy = remedy,
                 .effect = "nothing was written"},
                path, IoError::Action::open_output, error);
}

// A result has to be there afterwards.
void require_file(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
    return;
  }
  no_place(file, EINVAL, "it is no regular file", "name a regular file");
}

[[noreturn]] void no_directory(const std::string& path, int error) {
  no_place(path, error, "mkdir: " + std::string(std::strerror(error)),
           "--out=FILE in a directory that can be written, or --out=none");
}

// The number of "<name>-0007"; 0 for anything else.
int number_of(const std::string& entry, const std::string& name) {
  if (entry.size() < name.size() + 2 || entry.compare(0, name.size() + 1, name + "-") != 0)
    return 0;
  int number = 0;
  const char* end = entry.data() + entry.size();
  const auto result = std::from_chars(entry.data() + name.size() + 1, end, number);
  return result.ec == std::errc() && result.ptr == end ? number : 0;
}

int last_number(const std::string& name) {
  int last = 0;
  std::error_code ignored;
  for (std::filesystem::directory_iterator entry(kRuns, ignored), end; entry != end;
       entry.increment(ignored)) {
    if (ignored) break;
    last = std::max(last, number_of(entry->path().filename().string(), name));
  }
  return last;
}

}  // namespace

void require_writable(const std::string& file) {
  require_file(file);
  check_output(file);
}

OutputPlace::OutputPlace(const std::string& out, const std::string& name) {
  if (out == "none") return;
  if (!out.empty()) {
    require_file(out);
    path_ = out;
    return;
  }
  if (::mkdir(kRuns, 0777) == 0) {
    parent_ = kRuns;
  } else if (errno != EEXIST) {
    no_directory(kRuns, errno);
  }
  // Another run may take the number in between: mkdir decides.
  for (int number = last_number(name) + 1;; ++number) {
    std::string digits = std::to_string(number);
    digits.insert(0, digits.size() < 4 ? 4 - digits.size() : 0, '0');
    std::string directory = std::string(kRuns) + "/" + name + "-" + digits;
    if (::mkdir(directory.c_str(), 0777) == 0) {
      run_ = std::move(directory);
      path_ = run_ + "/model.safetensors";
      return;
    }
    if (errno != EEXIST) {
      const int error = errno;
      if (!parent_.empty()) ::rmdir(parent_.c_str());
      no_directory(directory, error);
    }
  }
}

void OutputPlace::keep() noexcept {
  run_.clear();
  parent_.clear();
}

OutputPlace::~OutputPlace() {
  // rmdir refuses a directory with content.
  if (!run_.empty()) ::rmdir(run_.c_str());
  if (!parent_.empty()) ::rmdir(parent_.c_str());
}

}  // namespace minnow::command
