#include "train/architecture.h"

#include <minnow/layers.h>

#include "terminal/exit_codes.h"
#include "terminal/nearest.h"
#include "terminal/numbers.h"

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
std::int64_t units(const std::string& word) { return number_of<std::int64_t>(word).value_or(0); }

// Null for a word that is no layer.
LayerPtr layer_of(const std::string& word) {
  if (const auto count = units(word); count >= 1) return dense(count);
  if (word == "softmax") return softmax();
  const auto function = parse_activation(word);
  return function ? activation(*function) : nullptr;
}

[[noreturn]] void no_layer(const std::string& text, const std::string& word) {
  const auto name = word.substr(0, word.find('('));
  usage_error("--layers=" + text + ": \"" + word + "\" is no layer.", {},
              did_you_mean(name, split(layer_names())) +
                  "There are numbers of units (1 or more), " + layer_names() +
                  ", with commas between: --layers=128,relu,10,softmax");
}

}  // namespace

std::string layer_names() { return activation_names() + ", softmax"; }

End end_of(const std::vector<LayerPtr>& layers) {
  const std::string_view last = layers.back()->type();
  return last == "softmax" ? End::softmax : last == "sigmoid" ? End::sigmoid : End::numbers;
}

Architecture parse_layers(const std::string& text) {
  Architecture architecture{.text = text};
  for (const auto& word : split(text)) {
    try {
      architecture.layers.push_back(layer_of(word));
    } catch (const InvalidArgument& error) {
      usage_error("--layers=" + text + ": " + error.failure().what, {}, error.remedy());
    }
    if (architecture.layers.back() == nullptr) no_layer(text, word);
    if (const auto count = units(word); count >= 1) architecture.outputs = count;
  }
  architecture.end = end_of(architecture.layers);
  if (architecture.outputs == 0) {
    usage_error("--layers=" + text + " has no dense layer: there is nothing to train.", {},
                "--layers=128,relu,10,softmax");
  }
  if (architecture.end == End::softmax && architecture.outputs < 2) {
    usage_error("--layers=" + text + ": a softmax over 1 class is always 1.", {},
                "--layers=" + with_end(text, 1, End::sigmoid) +
                    " for two classes, or --layers=" + with_end(text, 2, End::softmax));
  }
  return architecture;
}

std::string with_end(const std::string& text, std::int64_t outputs, End end) {
  auto words = split(text);
  // The dense layer that was meant to make the outputs goes, with what followed it. A lone one that
  // is wider was rather meant as a hidden layer.
  const bool had_end = words.back() == "softmax" || words.back() == "sigmoid";
  if (had_end) words.pop_back();
  const auto last = words.empty() ? 0 : units(words.back());
  if (last >= 1 && (had_end || words.size() > 1 || last <= outputs)) words.pop_back();
  std::string other;
  for (const auto& word : words) other += word + ",";
  return other + std::to_string(outputs) +
         (end == End::softmax   ? ",softmax"
          : end == End::sigmoid ? ",sigmoid"
                                : "");
}

}  // namespace minnow::command
