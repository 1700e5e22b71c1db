#include "machine/library_search.h"

#include <minnow/base/environment.h>
#include <minnow/base/files.h>
#include <minnow/base/text.h>

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>

#include "machine/elf_file.h"

namespace minnow::machine {
namespace {

#if defined(__aarch64__)
constexpr const char* kFolders[] = {"/lib/aarch64-linux-gnu",
                                    "/usr/lib/aarch64-linux-gnu",
                                    "/lib64",
                                    "/usr/lib64",
                                    "/lib",
                                    "/usr/lib"};
#else
constexpr const char* kFolders[] = {"/lib/x86_64-linux-gnu",
                                    "/usr/lib/x86_64-linux-gnu",
                                    "/lib64",
                                    "/usr/lib64",
                                    "/lib",
                                    "/usr/lib"};
#endif

// The loader skips files for other processors.
bool usable(const std::string& path) { return exists(path) && !read_elf(path).foreign; }

// The cache's names and paths are texts that end with a zero, whatever the format around them.
std::string find_in_cache(const std::string& name) {
  std::ifstream file(rooted("/etc/ld.so.cache"), std::ios::binary);
  const std::string cache{std::istreambuf_iterator<char>(file), {}};
  const std::string wanted = "/" + name + '\0';
  for (std::size_t at = cache.find(wanted); at != std::string::npos;
       at = cache.find(wanted, at + 1)) {
    const std::size_t before = cache.rfind('\0', at);
    const std::size_t start = before == std::string::npos ? 0 : before + 1;
    const std::string path = rooted(cache.substr(start, at + wanted.size() - 1 - start));
    if (usable(path)) return path;
  }
  return "";
}

std::string strip_errno(std::string text) {
  constexpr std::string_view kMissing = ": No such file or directory";
  if (text.ends_with(kMissing)) text.resize(text.size() - kMissing.size());
  return text;
}

}  // namespace

std::string find_library(const std::string& name, const std::vector<std::string>& run_path) {
  std::string paths = setting("LD_LIBRARY_PATH");
  std::replace(paths.begin(), paths.end(), ';', ':');
  std::vector<std::string_view> folders;
  if (!paths.empty()) folders = fields(paths, ':');
  for (const std::string_view folder : folders) {
    if (const auto path = cat(folder.empty() ? "." : folder, "/", name); usable(path)) return path;
  }
  for (const std::string& folder : run_path) {
    if (const auto path = cat(folder, "/", name); usable(path)) return path;
  }
  if (auto path = find_in_cache(name); !path.empty()) return path;
  for (const char* folder : kFolders) {
    if (auto path = cat(rooted(folder), "/", name); usable(path)) return path;
  }
  return "";
}

std::string loaded_file(void* handle) {
  link_map* map = nullptr;
  if (handle == nullptr || dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) return "";
  const std::unique_ptr<char, void (*)(void*)> real(realpath(map->l_name, nullptr), free);
  return real == nullptr ? map->l_name : real.get();
}

std::string loaded_file(const char* name) {
  void* handle = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
  std::string path = loaded_file(handle);
  if (handle != nullptr) dlclose(handle);
  return path;
}

std::string blamed_by_loader(const std::string& file, const std::string& error) {
  const std::size_t colon = error.find(": ");
  const std::string named = error.substr(0, colon);
  return colon == std::string::npos || named.find(".so") == std::string::npos ? file : named;
}

std::string loader_text(const std::string& file, const std::string& error) {
  const std::string named = blamed_by_loader(file, error);
  const std::string reason =
      error.starts_with(named + ": ") ? error.substr(named.size() + 2) : error;
  return cat("dlopen(", named, "): ", strip_errno(reason));
}

}  // namespace minnow::machine
