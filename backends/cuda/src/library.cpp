#include "library.h"

#include <minnow/base/text.h>

#include <dlfcn.h>

#include "call.h"

namespace minnow::cuda {

Library::Library(const std::string& file)
    : file_(file), handle_(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ != nullptr) return;
  throw CallFailure{
      .kind = CallFailure::Kind::missing, .call = cat("dlopen(", file, ")"), .status = dlerror()};
}

void* Library::symbol(const char* name) const {
  if (void* found = dlsym(handle_, name); found != nullptr) return found;
  throw CallFailure{.kind = CallFailure::Kind::missing,
                    .call = cat("dlsym(", file_, ", ", name, ")"),
                    .status = dlerror()};
}

}  // namespace minnow::cuda
