#pragma once

/// The losses of the command line: one table in losses.cpp.

#include <minnow/losses.h>

#include <optional>
#include <string>

#include "train/architecture.h"

namespace minnow::command {

std::string loss_names();  // "mse, mae, huber(1), ..."

/// @throws UsageError for a name that is unknown, or a parameter that is none.
void check_loss(const std::string& name);

/// What the targets of a loss are: numbers, yes (1) or no (0) in each column, or one of several
/// classes. Empty for auto.
std::optional<End> targets_of(const std::string& name);

struct ChosenLoss {
  LossPtr loss = {};
  std::string text = {};  // "Huber loss (0.5)"
  End targets = End::numbers;
  /// The square root of its mean is in the targets' unit.
  bool squared = false;
};

/// "auto": that which suits the end of the layers. @throws UsageError, with the end that is needed,
/// when a cross-entropy would get no probabilities.
ChosenLoss choose_loss(const std::string& name, const Architecture& architecture);

}  // namespace minnow::command
