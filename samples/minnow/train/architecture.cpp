#include "train/architecture.h"

#include <minnow/layers.h>

#include <algorithm>
#include <charconv>

#include "terminal/exit_codes.h"

namespace minnow::command {
namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char letter : text) {
    if (letter == ',') {
      words.emplace_back();
    } else if (letter != ' ') {
      words.back() += letter;
    }
  }
  return words;
}

// 0 for a word that is no number of units.
std::int64_t units(const std::string& word) {
  std::int64_t value = 0;
  const auto* end = word.data() + word.size();
  const auto result = std::from_chars(word.data(), end, value);
  return result.ec == std::errc() && result.ptr == end ? value : 0;
}

}  // namespace

Architecture parse_layers(const std::string& text) {
  Architecture architecture{.text = text};
  for (const auto& word : split(text)) {
    architecture.ends_in_softmax = word == "softmax";
    if (word == "relu") {
      architecture.layers.push_back(relu());
    } else if (word == "softmax") {
      architecture.layers.push_back(softmax());
    } else if (const auto count = units(word); count >= 1) {
      architecture.layers.push_back(from_command_line([&] { return dense(count); }));
      architecture.outputs = count;
    } else {
      usage_error("--layers=" + text + ": \"" + word + "\" is no layer.", {},
                  "a number of units (1 or more), relu or softmax, with commas between: "
                  "--layers=128,relu,10,softmax");
    }
  }
  if (architecture.outputs == 0) {
    usage_error("--layers=" + text + " has no dense layer: there is nothing to train.", {},
                "--layers=128,relu,10,softmax");
  }
  if (architecture.ends_in_softmax && architecture.outputs < 2) {
    usage_error("--layers=" + text + ": a softmax over 1 class is always 1.", {},
                "a softmax over 2 classes or more: --layers=128,relu,2,softmax");
  }
  return architecture;
}

std::string with_end(const Architecture& architecture, std::int64_t outputs, bool softmax) {
  auto words = split(architecture.text);
  // The dense layer that was meant to make the outputs goes, with its softmax. A lone one that is
  // wider was rather meant as a hidden layer.
  const bool had_softmax = words.back() == "softmax";
  if (had_softmax) words.pop_back();
  const auto last = words.empty() ? 0 : units(words.back());
  if (last >= 1 && (had_softmax || words.size() > 1 || last <= outputs)) words.pop_back();
  std::string text;
  for (const auto& word : words) text += word + ",";
  return text + std::to_string(outputs) + (softmax ? ",softmax" : "");
}

}  // namespace minnow::command
