#include <minnow/activation.h>

#include <minnow/error.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include <minnow/base/text.h>

namespace minnow {
namespace {

const ActivationTraits* find_traits(std::string_view name) {
  const auto& entries = kActivations.entries;
  const auto* found =
      std::find_if(std::begin(entries), std::end(entries),
                   [&](const ActivationTraits& known) { return known.name == name; });
  return found == std::end(entries) ? nullptr : found;
}

[[noreturn]] void throw_parameter(std::string_view name, std::string_view parameter,
                                  std::string_view range) {
  throw InvalidArgument({.code = "MN-U01",
                         .what = cat("the parameter of ", name, " is ", parameter, "."),
                         .remedy = std::string(range)});
}

}  // namespace

std::string_view name_of(const Activation& activation) noexcept {
  if (activation.kind == ActivationKind::custom) return activation.custom->name;
  return kActivations.entries[static_cast<std::size_t>(activation.kind)].name;
}

std::string text_of(const Activation& activation) {
  const bool with = has_parameter(activation.kind);
  return cat(name_of(activation), with ? cat("(", activation.parameter, ")") : "");
}

void require_parameter(const Activation& activation) {
  if (activation.kind == ActivationKind::custom) return;
  const bool holds = has_parameter(activation.kind)
                         ? std::isfinite(activation.parameter) && activation.parameter >= 0.0F
                         : activation.parameter == 0.0F;
  if (holds) return;
  throw_parameter(name_of(activation), cat(activation.parameter),
                  has_parameter(activation.kind) ? "give a finite number of 0 or more"
                                                 : "give none: it has no parameter");
}

std::optional<Activation> parse_activation(std::string_view text) {
  const std::size_t open = text.find('(');
  const ActivationTraits* traits = find_traits(text.substr(0, open));
  if (traits == nullptr) return std::nullopt;
  Activation activation{.kind = traits->kind, .parameter = traits->parameter};
  if (open == std::string_view::npos) return activation;
  if (!traits->has_parameter) {
    throw_parameter(traits->name, text.substr(open), "give none: it has no parameter");
  }
  const std::string_view number = text.substr(open + 1);
  const char* end = number.data() + number.size();
  const auto [parsed, error] = std::from_chars(number.data(), end, activation.parameter);
  if (error != std::errc() || end - parsed != 1 || *parsed != ')' ||
      !(std::isfinite(activation.parameter) && activation.parameter >= 0.0F)) {
    throw_parameter(
        traits->name, text.substr(open),
        cat("write a finite number of 0 or more: ", traits->name, "(", traits->parameter, ")"));
  }
  return activation;
}

std::string activation_names() {
  std::string names;
  for (const ActivationTraits& traits : kActivations.entries) {
    if (traits.kind == ActivationKind::identity) continue;
    names += cat(names.empty() ? "" : ", ", traits.name);
  }
  return names;
}

}  // namespace minnow
