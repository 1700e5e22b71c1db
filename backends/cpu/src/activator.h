#pragma once

#include <minnow/activation.h>

#include <algorithm>
#include <cstdint>

#include "kernels/kernel_table.h"

namespace minnow::cpu {

/// An activation, ready to run over rows. Rows are padded with zeros to a multiple of 16, and stay
/// so.
class Activator {
 public:
  Activator(const KernelTable& kernels, const Activation& activation)
      : kernels_(&kernels.activations), activation_(activation) {}

  bool is_identity() const { return activation_.kind == ActivationKind::identity; }
  bool is_relu() const { return activation_.kind == ActivationKind::relu; }

  /// In place is allowed.
  void value(const float* x, float* y, std::int64_t cols, std::int64_t padded) const {
    if (activation_.kind == ActivationKind::custom) {
      activation_.custom->value(x, y, cols);
      std::fill(y + cols, y + padded, 0.0F);
      return;
    }
    kernels_->value[index()](x, y, cols, padded, activation_.parameter);
  }
  /// dx = dy times the slope at `saved`; dx may be dy.
  void slope(const float* dy, const float* saved, float* dx, std::int64_t cols,
             std::int64_t padded) const {
    if (activation_.kind == ActivationKind::custom) {
      activation_.custom->slope(dy, saved, dx, cols);
      std::fill(dx + cols, dx + padded, 0.0F);
      return;
    }
    kernels_->slope[index()](dy, saved, dx, padded, activation_.parameter);
  }

 private:
  std::size_t index() const { return static_cast<std::size_t>(activation_.kind); }

  const ActivationKernels* kernels_;
  Activation activation_;
};

}  // namespace minnow::cpu
