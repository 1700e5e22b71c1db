#pragma once

#include <minnow/error.h>

#include <cstdio>

namespace minnow {

/// "%g" of a setting, as messages and str() show it.
inline std::string shortest(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

/// @throws InvalidArgument naming the setting and its value unless `holds`.
inline void require(bool holds, const char* setting, double value, const char* range) {
  if (holds) return;
  throw InvalidArgument({.code = "MN-U01",
                         .what = std::string(setting) + " is " + shortest(value) + ".",
                         .remedy = std::string("give ") + range});
}

}  // namespace minnow
