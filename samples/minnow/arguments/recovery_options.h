#pragma once

/// The options of train that say what is done when memory, device or numbers fail.

#include <CLI/CLI.hpp>

#include "arguments/arguments.h"

namespace minnow::command {

void add_recovery(CLI::App& app, TrainingArguments& training);
void add_memory_limit(CLI::App& app, CommonArguments& common);

}  // namespace minnow::command
