#pragma once

/// The losses: means over the batch. Their formulas are in loss_function.h.
///
///     minnow::Trainer trainer(model, minnow::huber(0.5F), minnow::adam(), device);

#include <minnow/export.h>
#include <minnow/layer.h>

namespace minnow {

/// Any of the table. @throws InvalidArgument for a parameter that is not a positive number.
MINNOW_API LossPtr loss(LossFunction function);

/// Mean squared error over rows and columns.
inline LossPtr mse() { return loss({LossKind::mean_squared_error}); }
/// Mean absolute error over rows and columns.
inline LossPtr mae() { return loss({LossKind::mean_absolute_error}); }
/// Half the square up to a distance of `delta`, beyond it linear; mean over rows and columns.
inline LossPtr huber(float delta = 1.0F) { return loss({LossKind::huber, delta}); }

struct CrossEntropyOptions {
  /// The model ends in logits; otherwise in probabilities, as after softmax() or sigmoid().
  bool from_logits = false;
};
/// Categorical cross-entropy; targets are one-hot rows or integer labels. After a softmax() layer
/// softmax and loss are computed together from the logits. Probabilities from elsewhere are
/// normalised and clipped to [1e-7, 1-1e-7], as Keras does.
inline LossPtr cross_entropy(CrossEntropyOptions options = {}) {
  return loss({options.from_logits ? LossKind::softmax_cross_entropy : LossKind::cross_entropy});
}
/// Binary cross-entropy of each output by itself, mean over rows and columns. Targets are numbers
/// from 0 to 1; with one output also labels, 0 or 1. A row counts as right when all its outputs are
/// on their targets' side of 1/2. After a sigmoid() layer both are computed together from the
/// logits; other probabilities are clipped as above.
inline LossPtr binary_cross_entropy(CrossEntropyOptions options = {}) {
  return loss({options.from_logits ? LossKind::sigmoid_binary_cross_entropy
                                   : LossKind::binary_cross_entropy});
}

}  // namespace minnow
