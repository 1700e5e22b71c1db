#include "train/optimizers.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "terminal/exit_codes.h"
#include "terminal/nearest.h"
#include "terminal/numbers.h"

namespace minnow::command {
namespace {

struct Kind {
  std::string name;
  std::string preset;                     // empty: there is one form only
  std::vector<std::string_view> options;  // beside --lr
  OptimizerPtr (*make)(const OptimizerArguments& given);
};

// The library's options with what was given on the command line.
template <class Of>
Of with(Of options, const OptimizerArguments& given) {
  const auto take = [](float& into, const std::optional<double>& value) {
    if (value) into = static_cast<float>(*value);
  };
  take(options.learning_rate, given.learning_rate);
  take(options.weight_decay, given.weight_decay);
  options.decay_biases = given.decay_biases;
  if constexpr (requires { options.momentum; }) take(options.momentum, given.momentum);
  if constexpr (requires { options.nesterov; }) options.nesterov = given.nesterov;
  return options;
}

OptimizerPtr adam_with_decay(AdamPreset preset, const OptimizerArguments& given) {
  // To adamw() a decay of 0 is one that was not given.
  const bool none = given.weight_decay == 0.0;
  const AdamOptions options = with(AdamOptions{.preset = preset}, given);
  return none ? adam(options) : adamw(options);
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds = {
      {"adam", "keras", {}, [](const auto& given) { return adam(with(AdamOptions{}, given)); }},
      {"adam-torch",
       "torch",
       {},
       [](const auto& given) {
         return adam(with(AdamOptions{.preset = AdamPreset::torch}, given));
       }},
      {"adamw",
       "keras",
       {"--weight-decay", "--decay-biases"},
       [](const auto& given) { return adam_with_decay(AdamPreset::keras, given); }},
      {"adamw-torch",
       "torch",
       {"--weight-decay", "--decay-biases"},
       [](const auto& given) { return adam_with_decay(AdamPreset::torch, given); }},
      {"sgd",
       "",
       {"--momentum", "--nesterov", "--weight-decay", "--decay-biases"},
       [](const auto& given) { return sgd(with(SgdOptions{}, given)); }},
      {"rmsprop",
       "keras",
       {"--momentum", "--weight-decay", "--decay-biases"},
       [](const auto& given) { return rmsprop(with(RmspropOptions{}, given)); }},
      {"rmsprop-torch",
       "torch",
       {"--momentum", "--weight-decay", "--decay-biases"},
       [](const auto& given) {
         return rmsprop(with(RmspropOptions{.preset = RmspropPreset::torch}, given));
       }},
  };
  return kKinds;
}

bool has(const Kind& kind, std::string_view option) {
  return std::find(kind.options.begin(), kind.options.end(), option) != kind.options.end();
}

// All, or those with an option.
std::vector<std::string> names(std::string_view option = {}) {
  std::vector<std::string> found;
  for (const auto& kind : kinds()) {
    if (option.empty() || has(kind, option)) found.push_back(kind.name);
  }
  return found;
}

const Kind& kind_of(const std::string& name) {
  const auto& all = kinds();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Kind& kind) { return kind.name == name; });
  if (found != all.end()) return *found;
  usage_error("--optimizer=" + name + " is unknown.", {},
              did_you_mean(name, names()) + "There are " + optimizer_names());
}

void require_option(const Kind& kind, bool given, const std::string& option) {
  if (!given || has(kind, option)) return;
  const auto others = names(option);
  usage_error(cat(option, " is for --optimizer=", joined(others), "."),
              cat("--optimizer=", kind.name),
              cat("--optimizer=", others.front(), ", or without ", option));
}

float weight_decay_of(const Optimizer& optimizer) {
  return std::visit([](const auto& rule) { return rule.weight_decay; }, optimizer.rule());
}

// Of the first, and of those that differ from it.
template <class Value>
std::string defaults(Value value_of) {
  const float first = value_of(*kinds().front().make({}));
  std::string text = exact(first);
  for (const auto& kind : kinds()) {
    const float value = value_of(*kind.make({}));
    if (value != first) text += cat("; ", kind.name, ": ", exact(value));
  }
  return text;
}

}  // namespace

std::string optimizer_names(std::string_view option) { return joined(names(option)); }

std::string default_rates() {
  return defaults([](const Optimizer& optimizer) { return optimizer.learning_rate(); });
}

std::string default_decays() { return defaults(weight_decay_of); }

void check_optimizer(const OptimizerArguments& given) {
  const Kind& kind = kind_of(given.name);
  require_option(kind, given.momentum.has_value(), "--momentum");
  require_option(kind, given.nesterov, "--nesterov");
  require_option(kind, given.weight_decay.has_value(), "--weight-decay");
  require_option(kind, given.decay_biases, "--decay-biases");
  if (given.nesterov && given.momentum.value_or(0.0) == 0.0) {
    usage_error("--nesterov looks ahead along the momentum, and there is none.", {},
                "--momentum=0.9");
  }
  const OptimizerPtr optimizer = make_optimizer(given);  // or what the library refuses
  if (given.decay_biases && weight_decay_of(*optimizer) == 0.0F) {
    usage_error("--decay-biases needs a weight decay, and there is none.", {},
                "--weight-decay=0.01");
  }
}

OptimizerPtr make_optimizer(const OptimizerArguments& given, std::optional<double> adam_rate) {
  const Kind& kind = kind_of(given.name);
  return from_command_line([&] {
    const OptimizerPtr optimizer = kind.make(given);
    if (given.learning_rate || !adam_rate) return optimizer;
    if (!std::holds_alternative<AdamRule>(optimizer->rule())) return optimizer;
    OptimizerArguments with_rate = given;
    with_rate.learning_rate = adam_rate;
    return kind.make(with_rate);
  });
}

std::string options_text(const OptimizerArguments& given) {
  std::string text;
  if (given.name != OptimizerArguments{}.name) text += cat(" --optimizer=", given.name);
  const auto add = [&](const char* option, const std::optional<double>& value) {
    if (value) text += cat(" ", option, "=", exact(static_cast<float>(*value)));
  };
  add("--lr", given.learning_rate);
  add("--momentum", given.momentum);
  if (given.nesterov) text += " --nesterov";
  add("--weight-decay", given.weight_decay);
  if (given.decay_biases) text += " --decay-biases";
  return text;
}

std::string preset_of(const OptimizerArguments& given) { return kind_of(given.name).preset; }

}  // namespace minnow::command
