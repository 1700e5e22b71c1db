// A hundred steps of each optimizer against PyTorch's own (make_golden.py): every loss, and the
// final weights, from the same starting weights and batches.

#include "golden_optimizers.h"

#include <minnow/minnow.h>

#include <string>
#include <vector>

#include "devices.h"

namespace minnow::testing {
namespace {

constexpr double kTolerance = 2e-5;  // of a weight, absolute; of a loss, relative

Tensor uniform(std::uint32_t stream, float scale, Shape shape) {
  std::size_t count = 1;
  for (const std::int64_t extent : shape.extents()) count *= static_cast<std::size_t>(extent);
  const std::vector<float> values = golden::uniform(stream, scale, count);
  return Tensor::from(std::span<const float>(values), std::move(shape));
}

class GoldenOptimizers : public OnDevice {
 protected:
  void expect(const OptimizerPtr& optimizer, const golden::Trajectory& expected) {
    const Tensor x = uniform(31, 1, {48, 6}), y = uniform(32, 1, {48, 3});
    for (const bool fused : {false, true}) {
      Model model(6, {dense(8), tanh(), dense(3)});
      model.set_weight("0.weight", uniform(33, 0.5F, {8, 6}));
      model.set_weight("0.bias", uniform(34, 0.5F, {8}));
      model.set_weight("2.weight", uniform(35, 0.5F, {3, 8}));
      model.set_weight("2.bias", uniform(36, 0.5F, {3}));
      Trainer trainer(model, mse(), optimizer, device(), {.fuse = fused});
      for (std::size_t step = 0; step < expected.losses.size(); ++step) {
        const auto begin = static_cast<std::int64_t>(step) * 16 % 48;
        const double loss = trainer.step(x.rows(begin, begin + 16), y.rows(begin, begin + 16)).loss;
        ASSERT_NEAR(loss, expected.losses[step], kTolerance * expected.losses[step])
            << "step " << step + 1 << (fused ? ", fused" : "");
      }
      std::size_t at = 0;
      for (const std::string& name : model.weight_names()) {
        const Tensor weight = model.weight(name);
        for (const float value : weight.data<float>()) {
          ASSERT_NEAR(value, expected.weights.at(at), kTolerance)
              << name << (fused ? ", fused" : "");
          ++at;
        }
      }
      EXPECT_EQ(at, expected.weights.size());
    }
  }
};

TEST_P(GoldenOptimizers, Adam) {
  expect(adam({.learning_rate = 0.01F, .preset = AdamPreset::torch}), golden::kAdam);
}

TEST_P(GoldenOptimizers, AdamWithDecoupledDecay) {
  AdamOptions options{.learning_rate = 0.01F, .preset = AdamPreset::torch, .weight_decay = 0.1F};
  expect(adamw(options), golden::kAdamW);
  options.decay_biases = true;
  expect(adamw(options), golden::kAdamWOnAll);
}

TEST_P(GoldenOptimizers, SgdWithMomentum) {
  expect(sgd({.learning_rate = 0.05F, .momentum = 0.9F}), golden::kSgdMomentum);
}

TEST_P(GoldenOptimizers, SgdInNesterovsFormWithDecay) {
  expect(sgd({.learning_rate = 0.05F, .momentum = 0.9F, .nesterov = true, .weight_decay = 0.01F}),
         golden::kSgdNesterovDecay);
}

TEST_P(GoldenOptimizers, Rmsprop) {
  expect(rmsprop({.learning_rate = 0.002F, .preset = RmspropPreset::torch}), golden::kRmsprop);
}

TEST_P(GoldenOptimizers, RmspropWithMomentum) {
  expect(rmsprop({.learning_rate = 0.001F, .preset = RmspropPreset::torch, .momentum = 0.9F}),
         golden::kRmspropMomentum);
}

TEST_P(GoldenOptimizers, RmspropWithDecayOnAll) {
  expect(rmsprop({.learning_rate = 0.002F,
                  .preset = RmspropPreset::torch,
                  .weight_decay = 0.01F,
                  .decay_biases = true}),
         golden::kRmspropDecayOnAll);
}

INSTANTIATE_TEST_SUITE_P(Devices, GoldenOptimizers, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
