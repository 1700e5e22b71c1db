#include "devices/plugin_search.h"

#include <minnow/base/environment.h>
#include <minnow/base/files.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "own_file.h"

namespace minnow {
namespace {

// Beside the library; for a program that holds it, in the folder of libraries next to its own, as
// they are installed.
std::vector<std::filesystem::path> candidates(const char* name) {
  std::vector<std::filesystem::path> found;
  const std::string named = setting("MINNOW_PLUGIN_DIR");
  if (!named.empty()) found.push_back(std::filesystem::path(named) / name);
  const std::filesystem::path folder = std::filesystem::path(own_file()).parent_path();
  for (const auto& place : {folder, folder / MINNOW_PLUGIN_FOLDER, folder / "../lib"}) {
    const auto file = (place / name).lexically_normal();
    if (std::find(found.begin(), found.end(), file) == found.end()) found.push_back(file);
  }
  return found;
}

}  // namespace

std::string find_plugin(const char* file) {
  for (const auto& path : candidates(file)) {
    if (exists(path)) return path;
  }
  return "";
}

std::string plugin_places(const char* file) {
  std::string places;
  for (const auto& path : candidates(file)) places += (places.empty() ? "" : ", ") + path.string();
  return places;
}

}  // namespace minnow
