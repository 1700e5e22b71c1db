#pragma once

/// The optimizers. Their arithmetic is in update_rule.h. The learning rate can be changed later:
/// Trainer::set_learning_rate().
///
///     minnow::adamw({.learning_rate = 3e-4F, .weight_decay = 0.1F})

#include <minnow/export.h>
#include <minnow/layer.h>

namespace minnow {

/// keras: epsilon 1e-7, added to the uncorrected sqrt(v). torch: epsilon 1e-8, added to the
/// bias-corrected sqrt(v). Everything else is the same.
enum class AdamPreset : std::uint8_t { keras, torch };

struct AdamOptions {
  float learning_rate = 1e-3F;
  AdamPreset preset = AdamPreset::keras;
  double beta1 = 0.9;
  double beta2 = 0.999;
  float epsilon = 0.0F;  // 0: the preset's
  /// Decoupled: in each step weights lose learning_rate * weight_decay of themselves.
  float weight_decay = 0.0F;
  bool decay_biases = false;
  /// On a CPU, root and quotient from the processor's estimates and one Newton step each: an update
  /// is then within 6e-7 of the exact one, not 2e-7, and its bits depend on the processor's maker.
  /// Faster where dividing binds, which depends on the processor: measure it.
  bool approximate = false;
};
/// Kingma and Ba, "Adam: A Method for Stochastic Optimization" (ICLR 2015).
/// @throws InvalidArgument for constants outside their range.
MINNOW_API OptimizerPtr adam(AdamOptions options = {});
/// Adam with decoupled weight decay, 0.01 unless it is given. Loshchilov and Hutter, "Decoupled
/// Weight Decay Regularization" (ICLR 2019). @throws InvalidArgument.
MINNOW_API OptimizerPtr adamw(AdamOptions options = {});

struct SgdOptions {
  float learning_rate = 1e-2F;
  float momentum = 0.0F;  // velocity = momentum * velocity - lr * g; p += velocity
  /// p += momentum * velocity - lr * g instead. Nesterov (1983), as in Sutskever et al. (ICML
  /// 2013).
  bool nesterov = false;
  float weight_decay = 0.0F;  // added to the gradient, times the weight
  bool decay_biases = false;
};
/// @throws InvalidArgument, also for Nesterov's form without momentum.
MINNOW_API OptimizerPtr sgd(SgdOptions options = {});

/// keras: decay 0.9, epsilon 1e-7, inside the root. torch: decay 0.99, epsilon 1e-8, outside.
enum class RmspropPreset : std::uint8_t { keras, torch };

struct RmspropOptions {
  float learning_rate = 1e-3F;
  RmspropPreset preset = RmspropPreset::keras;
  double decay = 0.0;    // of the mean of squares; 0: the preset's
  float epsilon = 0.0F;  // 0: the preset's
  float momentum = 0.0F;
  float weight_decay = 0.0F;  // added to the gradient, times the weight
  bool decay_biases = false;
};
/// Hinton, "Neural Networks for Machine Learning", lecture 6e (2012). @throws InvalidArgument.
MINNOW_API OptimizerPtr rmsprop(RmspropOptions options = {});

}  // namespace minnow
