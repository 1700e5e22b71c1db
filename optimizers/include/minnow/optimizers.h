#pragma once

/// The optimizers. The learning rate can be changed later: Trainer::set_learning_rate().

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
  /// On a CPU, root and quotient from the processor's estimates and one Newton step each: an update
  /// is then within 6e-7 of the exact one, not 2e-7, and its bits depend on the processor's maker.
  /// Faster where dividing binds, which depends on the processor: measure it.
  bool approximate = false;
};
/// Kingma and Ba, "Adam: A Method for Stochastic Optimization" (ICLR 2015).
/// @throws InvalidArgument for constants outside their range.
MINNOW_API OptimizerPtr adam(AdamOptions options = {});

struct SgdOptions {
  float learning_rate = 1e-2F;
  float momentum = 0.0F;  // velocity = momentum * velocity - lr * g; p += velocity
};
MINNOW_API OptimizerPtr sgd(SgdOptions options = {});

}  // namespace minnow
