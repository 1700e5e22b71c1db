#pragma once

/// The layers that a command line asks for.

#include <minnow/model.h>

#include <cstdint>
#include <string>
#include <vector>

namespace minnow::command {

struct Architecture {
  std::string text = {};  // "128,relu,10,softmax"
  std::vector<LayerPtr> layers = {};
  std::int64_t outputs = 0;      // units of the last dense layer
  bool ends_in_softmax = false;  // the model tells classes apart
};

/// Numbers are dense layers. @throws UsageError for a word that is no layer, and without a number.
Architecture parse_layers(const std::string& text);

/// The layers of `text` with another end: "128,relu" and {10, true} give "128,relu,10,softmax".
std::string with_end(const Architecture& architecture, std::int64_t outputs, bool softmax);

}  // namespace minnow::command
