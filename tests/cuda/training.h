#pragma once

// Nets that are trained through the plugin, and what their step becomes.

#include "fake.h"
#include "trained.h"

namespace minnow::testing {

/// What a step of 32 rows becomes.
inline std::string explained(const Net& net, const Device& device) {
  Model model = model_of(net);
  return Trainer(model, loss_of(net), adam(), device).explain(32);
}

inline const std::vector<Net>& nets() {
  static const std::vector<Net> all{
      {10, {10}, 1, false}, {784, {16}, 10, true}, {7, {31, 33}, 5, true}, {13, {129}, 17, true},
      {5, {}, 3, false},    {33, {1, 7}, 2, true}, {40, {600}, 10, true}};
  return all;
}

}  // namespace minnow::testing
