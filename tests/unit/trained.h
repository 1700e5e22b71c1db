#pragma once

// Nets of several shapes, trained for a moment, and what is compared of them between devices.

#include <gtest/gtest.h>
#include <minnow/minnow.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "problems.h"

namespace minnow::testing {

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

inline LossPtr loss_of(const Net& net) { return net.classifier ? cross_entropy() : mse(); }

struct Lesson {
  std::int64_t rows = 107;
  std::int64_t batch = 32;  // the last one is a partial one
  std::int64_t microbatch = 0;
  OptimizerPtr optimizer = adam();
  bool fuse = true;
};

struct Trained {
  std::vector<double> losses;
  std::vector<float> weights;
  Tensor predictions;
  std::string explained;
};

/// Two epochs with validation; then predictions.
inline Trained train(const Net& net, const Device& device, const Lesson& lesson = {}) {
  const Tensor x = random_tensor({lesson.rows, net.inputs}, 1);
  const Tensor y = net.classifier ? labels_of(x, std::min(net.inputs, net.outputs))
                                  : random_tensor({lesson.rows, net.outputs}, 2);
  Model model = model_of(net);
  Trainer trainer(model, loss_of(net), lesson.optimizer, device, {.fuse = lesson.fuse});
  Trained result;
  const History history = trainer.fit(x, y,
                                      {.epochs = 2,
                                       .batch_size = lesson.batch,
                                       .validation_split = 0.1,
                                       .microbatch = lesson.microbatch});
  for (const EpochResult& epoch : history.epochs) {
    result.losses.push_back(epoch.train.loss);
    result.losses.push_back(epoch.validation->loss);
  }
  result.weights = all_weights(model);
  result.predictions = trainer.predict(x);
  result.explained = trainer.explain(lesson.batch);
  return result;
}

/// The largest difference, NaN where there is one.
inline double difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double apart = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (std::isnan(apart)) return apart;
    largest = std::max(largest, apart);
  }
  return largest;
}

inline void expect_close(const Trained& a, const Trained& b, double tolerance) {
  ASSERT_EQ(a.losses.size(), b.losses.size());
  for (std::size_t i = 0; i < a.losses.size(); ++i) {
    EXPECT_NEAR(a.losses[i], b.losses[i], tolerance * (1 + std::abs(b.losses[i]))) << i;
  }
  EXPECT_LE(difference(a.weights, b.weights), tolerance);
  EXPECT_LE(difference(a.predictions.data<float>(), b.predictions.data<float>()), tolerance);
}

}  // namespace minnow::testing
