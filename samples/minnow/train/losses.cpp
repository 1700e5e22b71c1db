#include "train/losses.h"

#include <minnow/error.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "terminal/exit_codes.h"
#include "terminal/nearest.h"
#include "terminal/numbers.h"

namespace minnow::command {
namespace {

struct Kind {
  std::string name;
  LossKind kind;
  End end;                                // of layers that suit it; numbers: any
  std::vector<std::string> aliases = {};  // without - and _
};

/// auto takes the first that is for the end of the layers.
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds = {
      {"mse", LossKind::mean_squared_error, End::numbers, {"meansquarederror"}},
      {"mae", LossKind::mean_absolute_error, End::numbers, {"meanabsoluteerror", "l1"}},
      {"huber", LossKind::huber, End::numbers},
      {"binary", LossKind::binary_cross_entropy, End::sigmoid, {"bce", "binarycrossentropy"}},
      {"categorical",
       LossKind::cross_entropy,
       End::softmax,
       {"crossentropy", "categoricalcrossentropy", "sparsecategoricalcrossentropy"}},
  };
  return kKinds;
}

std::string plain(const std::string& name) {
  std::string text;
  for (const char letter : name) {
    if (letter != '-' && letter != '_') text += letter;
  }
  return text;
}

const Kind& kind_of(const std::string& name, const std::string& typed) {
  const std::string wanted = plain(name);
  std::vector<std::string> names = {"auto"};
  for (const auto& kind : kinds()) {
    const auto& others = kind.aliases;
    if (kind.name == wanted || std::find(others.begin(), others.end(), wanted) != others.end()) {
      return kind;
    }
    names.push_back(kind.name);
  }
  usage_error("--loss=" + typed + " is unknown.", {},
              did_you_mean(name, names) + "There are " + loss_names());
}

struct Named {
  const Kind* kind = nullptr;  // null: auto
  float parameter = 0.0F;
};

// "(0.5)"
std::optional<float> in_brackets(std::string_view text) {
  if (text.size() < 3 || text.back() != ')') return {};
  const auto value = number_of<float>(text.substr(1, text.size() - 2));
  return value && std::isfinite(*value) && *value > 0.0F ? value : std::nullopt;
}

Named parse(const std::string& text) {
  if (text == "auto") return {};
  const auto open = text.find('(');
  const Kind& kind = kind_of(text.substr(0, open), text);
  const LossTraits traits = traits_of(kind.kind);
  if (open == std::string::npos) return {.kind = &kind, .parameter = traits.parameter};
  if (!traits.has_parameter) {
    usage_error(cat("--loss=", text, ": ", kind.name, " has no parameter."), {},
                "--loss=" + kind.name);
  }
  const auto parameter = in_brackets(std::string_view(text).substr(open));
  if (!parameter) {
    usage_error(cat("--loss=", text, ": ", text.substr(open), " is no number above 0 in brackets."),
                {}, cat("--loss=", kind.name, "(", exact(traits.parameter), ")"));
  }
  return {.kind = &kind, .parameter = *parameter};
}

void require_probabilities(const Kind& kind, const Architecture& architecture) {
  if (kind.end == End::numbers || kind.end == architecture.end) return;
  const bool classes = kind.end == End::softmax;
  const std::int64_t outputs = architecture.outputs;
  const std::string other = classes ? "binary" : "categorical";
  std::string remedy = "--layers=";
  if (classes) {
    remedy += with_end(architecture.text, std::max<std::int64_t>(2, outputs), End::softmax);
  } else {
    const bool one = architecture.end == End::softmax && outputs == 2;
    remedy += with_end(architecture.text, one ? 1 : outputs, End::sigmoid);
  }
  if (architecture.end != End::numbers) remedy += ", or --loss=" + other;
  usage_error(cat("--loss=", kind.name, " needs probabilities, and --layers=", architecture.text,
                  " does not end in ", classes ? "softmax." : "sigmoid."),
              {}, remedy);
}

}  // namespace

std::string loss_names() {
  std::string names = "auto";
  for (const auto& kind : kinds()) {
    const LossTraits traits = traits_of(kind.kind);
    names += cat(", ", kind.name);
    if (traits.has_parameter) names += cat(" or ", kind.name, "(", exact(traits.parameter), ")");
  }
  return names;
}

void check_loss(const std::string& name) { parse(name); }

std::optional<End> targets_of(const std::string& name) {
  const Kind* kind = parse(name).kind;
  return kind == nullptr ? std::nullopt : std::optional(kind->end);
}

ChosenLoss choose_loss(const std::string& name, const Architecture& architecture) {
  Named named = parse(name);
  if (named.kind == nullptr) {
    const auto& all = kinds();
    named.kind = &*std::find_if(all.begin(), all.end(),
                                [&](const Kind& kind) { return kind.end == architecture.end; });
  }
  const Kind& kind = *named.kind;
  require_probabilities(kind, architecture);
  const LossTraits traits = traits_of(kind.kind);
  ChosenLoss chosen{.loss = loss({.kind = kind.kind, .parameter = named.parameter}),
                    .text = std::string(traits.name),
                    .targets = kind.end,
                    .squared = kind.kind == LossKind::mean_squared_error};
  if (traits.has_parameter) chosen.text += cat(" (", exact(named.parameter), ")");
  return chosen;
}

}  // namespace minnow::command
