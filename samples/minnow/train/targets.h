#pragma once

#include <string>

#include "data/inputs.h"
#include "train/architecture.h"

namespace minnow::command {

/// The layers to train, checked against the data: `given`, or else what suits the data. With files,
/// a softmax at the end says that y holds classes, and y becomes labels.
/// @throws UsageError saying how the layers have to end; InvalidArgument for a label that is none.
Architecture fit_architecture(const std::string& given, Inputs& inputs);

}  // namespace minnow::command
