#pragma once

/// The layers that a command line asks for.

#include <minnow/model.h>

#include <cstdint>
#include <string>
#include <vector>

namespace minnow::command {

/// What the outputs are: any numbers, after sigmoid the probability of each output by itself, after
/// softmax those of classes that exclude each other.
enum class End { numbers, sigmoid, softmax };
End end_of(const std::vector<LayerPtr>& layers);

struct Architecture {
  std::string text = {};  // "128,relu,10,softmax"
  std::vector<LayerPtr> layers = {};
  std::int64_t outputs = 0;  // units of the last dense layer
  End end = End::numbers;
};

std::string layer_names();  // "softmax, relu, leaky_relu, ...": all but numbers

/// Numbers are dense layers. @throws UsageError for a word that is no layer, and without a number.
Architecture parse_layers(const std::string& text);

/// The layers of `text` with another end: "128,relu" and {10, End::softmax} give
/// "128,relu,10,softmax".
std::string with_end(const std::string& text, std::int64_t outputs, End end);

}  // namespace minnow::command
