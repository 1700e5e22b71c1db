#pragma once

// Nets that are trained through the plugin, and what is compared of them.

#include <cmath>

#include "fake.h"
#include "problems.h"

namespace minnow::testing {

struct Trained {
  std::vector<double> losses;
  std::vector<float> weights;
  Tensor predictions;
  std::string explained;
};

struct Net {
  std::int64_t inputs;
  std::vector<std::int64_t> hidden;
  std::int64_t outputs;
  bool classifier;
};

inline Model model_of(const Net& net) {
  std::vector<LayerPtr> layers;
  for (const std::int64_t units : net.hidden) {
    layers.push_back(dense(units));
    layers.push_back(relu());
  }
  layers.push_back(dense(net.outputs));
  if (net.classifier) layers.push_back(softmax());
  return Model(net.inputs, std::move(layers), {.seed = 3});
}

/// Two epochs of 3 batches and a partial one, with validation; then predictions.
inline Trained train(const Net& net, const Device& device, const OptimizerPtr& optimizer = adam(),
                     TrainerOptions options = {}) {
  const Tensor x = random_tensor({107, net.inputs}, 1);
  const Tensor y = net.classifier ? labels_of(x, std::min(net.inputs, net.outputs))
                                  : random_tensor({107, net.outputs}, 2);
  Model model = model_of(net);
  Trainer trainer(model, net.classifier ? cross_entropy() : mse(), optimizer, device, options);
  Trained result;
  const History history =
      trainer.fit(x, y, {.epochs = 2, .batch_size = 32, .validation_split = 0.1});
  for (const EpochResult& epoch : history.epochs) {
    result.losses.push_back(epoch.train.loss);
    result.losses.push_back(epoch.validation->loss);
  }
  result.weights = all_weights(model);
  result.predictions = trainer.predict(x);
  result.explained = trainer.explain(32);
  return result;
}

/// What a step of 32 rows becomes.
inline std::string explained(const Net& net, const Device& device) {
  Model model = model_of(net);
  return Trainer(model, net.classifier ? cross_entropy() : mse(), adam(), device).explain(32);
}

inline void expect_close(const Trained& a, const Trained& b, double tolerance) {
  ASSERT_EQ(a.losses.size(), b.losses.size());
  for (std::size_t i = 0; i < a.losses.size(); ++i) {
    EXPECT_NEAR(a.losses[i], b.losses[i], tolerance * (1 + std::abs(a.losses[i]))) << i;
  }
  EXPECT_LE(difference(a.weights, b.weights), tolerance);
  const auto left = a.predictions.data<float>();
  const auto right = b.predictions.data<float>();
  EXPECT_LE(difference({left.begin(), left.end()}, {right.begin(), right.end()}), tolerance);
}

inline const std::vector<Net>& nets() {
  static const std::vector<Net> all{
      {10, {10}, 1, false}, {784, {16}, 10, true}, {7, {31, 33}, 5, true}, {13, {129}, 17, true},
      {5, {}, 3, false},    {33, {1, 7}, 2, true}, {40, {600}, 10, true}};
  return all;
}

}  // namespace minnow::testing
