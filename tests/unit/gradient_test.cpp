// Gradients of whole models against central differences of the double-precision loss.

#include "gradients.h"

#include "devices.h"
#include "functions.h"

namespace minnow::testing {
namespace {

class Gradients : public OnDevice {
 protected:
  void check(const Model& model, const LossPtr& loss, TargetKind kind, bool fused) {
    check_gradients(backend(), model, loss, kind, fused);
  }
};

TEST_P(Gradients, EveryActivation) {
  for (const Activation& f : all_activations()) {
    SCOPED_TRACE(text_of(f));
    const Model model(
        5, {dense(7, {.init = Init::he_normal}), activation(f), dense(6), activation(f), dense(3)},
        {.seed = 4});
    for (const bool fused : {false, true}) check(model, mse(), TargetKind::values, fused);
  }
}

TEST_P(Gradients, EveryLoss) {
  for (const LossFunction& function : all_losses()) {
    SCOPED_TRACE(traits_of(function.kind).name);
    for (const std::int64_t outputs : {1, 4}) {
      std::vector<LayerPtr> layers{dense(8), tanh(), dense(outputs)};
      if (takes_probabilities(function.kind)) {
        layers.push_back(function.kind == LossKind::cross_entropy ? softmax() : sigmoid());
      }
      const Model model(5, std::move(layers), {.seed = 6});
      for (const bool fused : {false, true}) {
        if (takes_labels(function.kind, outputs)) {
          check(model, loss(function), TargetKind::labels, fused);
        }
        check(model, loss(function), TargetKind::values, fused);
      }
    }
  }
}

TEST_P(Gradients, LayersWithoutBias) {
  const Model model(5, {dense(7, {.bias = false}), relu(), dense(2, {.bias = false})}, {.seed = 5});
  for (const bool fused : {false, true}) check(model, mse(), TargetKind::values, fused);
}

// The probabilities are not those of a sigmoid, so nothing is fused.
TEST_P(Gradients, ABinaryLossOfOtherProbabilities) {
  const Model model(5, {dense(6), tanh(), dense(4), softmax()}, {.seed = 7});
  for (const bool fused : {false, true}) {
    check(model, binary_cross_entropy(), TargetKind::values, fused);
  }
}

TEST_P(Gradients, SoftmaxBetweenLayersAndUnderMse) {
  const Model model(5, {dense(6), softmax(), dense(4), softmax()}, {.seed = 8});
  for (const bool fused : {false, true}) check(model, mse(), TargetKind::values, fused);
}

INSTANTIATE_TEST_SUITE_P(Devices, Gradients, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
