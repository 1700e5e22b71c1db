#pragma once

/// The losses: means over the batch.

#include <minnow/export.h>
#include <minnow/layer.h>

namespace minnow {

/// Mean squared error over rows and columns.
MINNOW_API LossPtr mse();

struct CrossEntropyOptions {
  /// The model ends in logits; otherwise in probabilities, as after softmax().
  bool from_logits = false;
};
/// Categorical cross-entropy; targets are one-hot rows or integer labels. After a softmax() layer
/// softmax and loss are computed together from the logits. Probabilities from elsewhere are
/// normalised and clipped to [1e-7, 1-1e-7], as Keras does.
MINNOW_API LossPtr cross_entropy(CrossEntropyOptions options = {});

}  // namespace minnow
