#include "opened_library.h"

#include <dlfcn.h>

#include "machine/damage.h"
#include "machine/library_search.h"

namespace minnow::machine {

OpenedLibrary::OpenedLibrary(const std::string& name, const std::vector<std::string>& run_path,
                             const Reporter& report)
    : name_(name) {
  const std::string file = find_library(name, run_path);
  report.step("loading " + name, file);
  handle_ = dlopen(file.empty() ? name.c_str() : file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    const std::string error = dlerror();
    problem_ = loader_text(name, error);
    path_ = file;
    damage_ = damage_by_loader(name, error);
    return;
  }
  path_ = loaded_file(handle_);
  // What is missing at its end is noticed at the first use only.
  damage_ = damage_by_size(path_, "");
  if (damage_) problem_ = damage_->evidence;
}

void* OpenedLibrary::find(const char* symbol) const {
  return handle_ == nullptr ? nullptr : dlsym(handle_, symbol);
}

}  // namespace minnow::machine
