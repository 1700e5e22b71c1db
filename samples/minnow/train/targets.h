#pragma once

#include "arguments/arguments.h"
#include "data/inputs.h"
#include "train/architecture.h"
#include "train/losses.h"

namespace minnow::command {

struct Task {
  Architecture architecture = {};
  ChosenLoss loss = {};
};

/// The layers and the loss to train, checked against the data: what was given, or else what suits
/// the data. With files, the loss says what y holds: after a softmax classes, and one column
/// becomes labels; after a sigmoid 0 or 1 in each column; else numbers.
/// @throws UsageError saying how the layers have to end; InvalidArgument for a label that is none.
Task decide_task(const TrainingArguments& arguments, Inputs& inputs);

}  // namespace minnow::command
