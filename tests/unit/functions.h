#pragma once

// Every entry of the tables of activations, losses and update rules, with several constants each:
// what is added to a table is tested without a change here.

#include <minnow/minnow.h>

#include <vector>

namespace minnow::testing {

inline std::vector<Activation> all_activations() {
  std::vector<Activation> all;
  for (const ActivationTraits& traits : kActivations.entries) {
    all.push_back({.kind = traits.kind, .parameter = traits.parameter});
    if (!traits.has_parameter) continue;
    for (const float parameter : {0.0F, 0.3F, 2.5F}) {
      all.push_back({.kind = traits.kind, .parameter = parameter});
    }
  }
  return all;
}

inline std::vector<LossFunction> all_losses() {
  std::vector<LossFunction> all;
  for (int i = 0; i <= static_cast<int>(LossKind::softmax_cross_entropy); ++i) {
    const LossTraits traits = traits_of(static_cast<LossKind>(i));
    all.push_back({.kind = traits.kind, .parameter = traits.parameter});
    if (!traits.has_parameter) continue;
    for (const float parameter : {0.2F, 2.5F}) {
      all.push_back({.kind = traits.kind, .parameter = parameter});
    }
  }
  return all;
}

inline bool counts_right(LossKind kind) { return traits_of(kind).accuracy != Accuracy::none; }
/// Of rows found right or wrong the prediction is a probability, or a logit.
inline bool takes_probabilities(LossKind kind) {
  return kind == LossKind::cross_entropy || traits_of(kind).accuracy == Accuracy::above_half;
}
inline bool takes_labels(LossKind kind, std::int64_t outputs) {
  return traits_of(kind).accuracy == Accuracy::largest || (counts_right(kind) && outputs == 1);
}

inline std::vector<OptimizerPtr> all_optimizers(float rate = 0.01F) {
  std::vector<OptimizerPtr> all;
  for (const float decay : {0.0F, 0.3F}) {
    for (const bool biases : {false, true}) {
      if (decay == 0.0F && biases) continue;
      all.push_back(sgd({.learning_rate = rate, .weight_decay = decay, .decay_biases = biases}));
      for (const bool nesterov : {false, true}) {
        all.push_back(sgd({.learning_rate = rate,
                           .momentum = 0.9F,
                           .nesterov = nesterov,
                           .weight_decay = decay,
                           .decay_biases = biases}));
      }
      for (const AdamPreset preset : {AdamPreset::keras, AdamPreset::torch}) {
        all.push_back(adam({.learning_rate = rate,
                            .preset = preset,
                            .weight_decay = decay,
                            .decay_biases = biases}));
      }
      for (const RmspropPreset preset : {RmspropPreset::keras, RmspropPreset::torch}) {
        for (const float momentum : {0.0F, 0.8F}) {
          all.push_back(rmsprop({.learning_rate = rate,
                                 .preset = preset,
                                 .momentum = momentum,
                                 .weight_decay = decay,
                                 .decay_biases = biases}));
        }
      }
    }
  }
  all.push_back(adam({.learning_rate = rate, .beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-3F}));
  all.push_back(adamw({.learning_rate = rate}));
  all.push_back(rmsprop({.learning_rate = rate, .decay = 0.5, .epsilon = 1e-2F}));
  return all;
}

}  // namespace minnow::testing
