#include "own_file.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>

namespace minnow {

std::string own_file() {
  Dl_info self{};
  if (dladdr(reinterpret_cast<const void*>(&own_file), &self) == 0 || self.dli_fname == nullptr) {
    return "";
  }
  std::error_code failed;
  // A static program may have been started by its bare name, which is no path.
  const auto file = std::filesystem::canonical(self.dli_fname, failed);
  return failed ? std::filesystem::canonical("/proc/self/exe", failed).string() : file.string();
}

}  // namespace minnow
