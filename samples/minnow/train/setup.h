#pragma once

/// What train and summary make from the command line before there is a trainer.

#include <minnow/minnow.h>

#include "arguments/arguments.h"
#include "data/inputs.h"
#include "train/architecture.h"
#include "train/recipes.h"

namespace minnow::command {

/// @throws UsageError for a name that is no device, DeviceUnavailable.
Device open_device(const CommonArguments& arguments);

/// A recipe in which the command line replaced what it names.
Recipe chosen_recipe(const std::string& dataset, const TrainingArguments& arguments);

/// @throws UsageError for sizes that overflow, ResourceExhausted.
Model make_model(const Inputs& inputs, const Architecture& architecture, std::uint64_t seed);

}  // namespace minnow::command
