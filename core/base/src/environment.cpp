#include <minnow/base/environment.h>

#include <stdlib.h>

namespace minnow {

std::optional<std::string> environment(EnvironmentName name) {
  const bool own = std::string_view(name.name()).starts_with("MINNOW_");
  const char* value = own ? ::secure_getenv(name.name()) : ::getenv(name.name());
  if (value == nullptr) return std::nullopt;
  return value;
}

std::string setting(EnvironmentName name) { return environment(name).value_or(""); }

}  // namespace minnow
