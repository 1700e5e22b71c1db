#pragma once

#include <minnow/error.h>

#include <cmath>
#include <cstdio>
#include <string>

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

inline void require_learning_rate(const std::string& whose, double rate) {
  require(std::isfinite(rate) && rate > 0.0, (whose + "'s learning rate").c_str(), rate,
          "a positive number");
}
inline void require_momentum(const std::string& whose, double momentum) {
  require(momentum >= 0.0 && momentum < 1.0, (whose + "'s momentum").c_str(), momentum,
          "0 or more and less than 1");
}
inline void require_weight_decay(const std::string& whose, double decay) {
  require(std::isfinite(decay) && decay >= 0.0, (whose + "'s weight decay").c_str(), decay,
          "a finite number of 0 or more");
}
/// " weight_decay=0.01", " weight_decay=0.01 (biases too)", or nothing.
inline std::string decay_text(double decay, bool biases) {
  if (decay == 0.0) return "";
  return " weight_decay=" + shortest(decay) + (biases ? " (biases too)" : "");
}

}  // namespace minnow
