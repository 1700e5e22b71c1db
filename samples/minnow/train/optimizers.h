#pragma once

/// The optimizers of the command line: one table in optimizers.cpp, which makes them, checks their
/// options and names them in help and messages.

#include <minnow/optimizers.h>

#include <optional>
#include <string>
#include <string_view>

#include "arguments/arguments.h"

namespace minnow::command {

/// "adam, adam-torch, ...": all, or those that have an option.
std::string optimizer_names(std::string_view option = {});
std::string default_rates();   // "0.001; sgd: 0.01"
std::string default_decays();  // "0; adamw: 0.01; ..."

/// @throws UsageError for a name that is unknown, an option that the optimizer does not have, and
/// constants out of range.
void check_optimizer(const OptimizerArguments& arguments);

/// The rate is, in this order, what was given, `adam_rate` for the kinds of Adam, and what the
/// library has for the optimizer. @throws UsageError for constants out of range.
OptimizerPtr make_optimizer(const OptimizerArguments& arguments,
                            std::optional<double> adam_rate = {});

/// As they are typed, with a blank before each: " --optimizer=sgd --momentum=0.9".
std::string options_text(const OptimizerArguments& arguments);

/// "keras", "torch"; empty for an optimizer that has none.
std::string preset_of(const OptimizerArguments& arguments);

}  // namespace minnow::command
