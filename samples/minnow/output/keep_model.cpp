#include "output/keep_model.h"

#include <minnow/error.h>
#include <minnow/model_file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "terminal/numbers.h"

namespace minnow::command {
namespace {

using Metadata = std::map<std::string, std::string>;

std::vector<std::string> other_folders(const std::string& path) {
  const auto beside = std::filesystem::path(path).parent_path().string();
  std::error_code none;
  const auto temporary = std::filesystem::temp_directory_path(none).string();  // $TMPDIR
  std::vector<std::string> folders;
  for (const auto& folder : {beside, std::string("."), temporary, std::string("/var/tmp"),
                             std::string("/tmp"), std::string("/dev/shm")}) {
    const std::string name = folder.empty() ? "." : folder;
    if (std::find(folders.begin(), folders.end(), name) == folders.end()) folders.push_back(name);
  }
  return folders;
}

/// The path in a new folder in `folder`; empty where that cannot be, and `why` says it.
std::string save_in_new_folder(const Model& model, const std::string& folder,
                               const Metadata& metadata, std::string& why) {
  std::string made = folder == "." ? "minnow-XXXXXX" : folder + "/minnow-XXXXXX";
  if (::mkdtemp(made.data()) == nullptr) {
    why = cat("mkdtemp: ", std::strerror(errno));
    return {};
  }
  std::string path = made + "/model.safetensors";
  try {
    save_model(model, path, metadata);
    return path;
  } catch (const Error& error) {
    why = error.evidence();
  }
  ::rmdir(made.c_str());
  return {};
}

/// As a shell takes it.
std::string quoted(const std::string& path) {
  const auto plain = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || std::strchr("_./-+=:,@%", letter) != nullptr;
  };
  if (std::all_of(path.begin(), path.end(), plain)) return path;
  std::string text = "'";
  for (const char letter : path) text += letter == '\'' ? "'\\''" : std::string(1, letter);
  return text + "'";
}

void add(std::string& effect, const std::string& text) {
  effect += cat(effect.empty() ? "" : "; ", text);
}

}  // namespace

Kept keep_model(const Model& model, const std::string& path, const Metadata& metadata) {
  Problem problem;
  try {
    save_model(model, path, metadata);
    return {.path = path};
  } catch (const IoError&) {
    problem = current_problem();
  } catch (...) {  // another place would not help
    problem = current_problem();
    problem.failure.effect = "nothing was saved; a file that was there is as it was";
    return {.problem = problem};
  }
  Failure& failure = problem.failure;
  std::string tried;
  for (const auto& folder : other_folders(path)) {
    std::string why;
    const std::string other = save_in_new_folder(model, folder, metadata, why);
    if (other.empty()) {
      tried += cat("; in ", folder, ": ", why);
      continue;
    }
    failure.remedy = cat("when that can be written: mv ", quoted(other), " ", quoted(path));
    add(failure.effect, cat("the model is saved in ", other));
    return {.path = other, .problem = problem};
  }
  failure.evidence += tried;
  add(failure.effect, "the model is lost: it could be saved nowhere else either");
  return {.problem = problem};
}

}  // namespace minnow::command
