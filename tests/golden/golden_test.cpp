// Both documents' models against what Keras and PyTorch computed (make_golden.py): each step's loss
// and the final weights, from the same starting weights, on the same batches in the same order.

#include "golden_data.h"

#include <minnow/minnow.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using golden::kBatch;
using golden::kSteps;
using minnow::Tensor;

constexpr double kWeightTolerance = 1e-5;  // absolute
constexpr double kMeanTolerance = 1e-7;    // of a tensor's mean weight
constexpr double kLossTolerance = 1e-5;    // relative

const std::vector<std::string> kWeights = {"0.weight", "0.bias", "2.weight", "2.bias"};

Tensor tensor(const std::vector<float>& values, minnow::Shape shape) {
  return Tensor::from(std::span<const float>(values), std::move(shape));
}

/// 10-10-1: 100 rows of numbers in 0..1.
struct Toy {
  Tensor x = tensor(golden::unit(1, 1000), {100, 10});
  Tensor y = tensor(golden::unit(2, 100), {100, 1});
  minnow::Model model{10, {minnow::dense(10), minnow::relu(), minnow::dense(1)}};

  Toy() {
    model.set_weight("0.weight", tensor(golden::uniform(3, 0.5F, 100), {10, 10}));
    model.set_weight("0.bias", tensor(golden::uniform(4, 0.0625F, 10), {10}));
    model.set_weight("2.weight", tensor(golden::uniform(5, 0.5F, 10), {1, 10}));
    model.set_weight("2.bias", tensor(golden::uniform(6, 0.0625F, 1), {1}));
  }
};

/// 784-128-10: 640 images, as bytes that the model scales or as numbers in 0..1.
struct Classifier {
  std::vector<std::int32_t> classes = golden::labels(7, 640);
  std::vector<std::uint8_t> pixels = golden::images(8, classes);
  minnow::Model model;

  explicit Classifier(bool bytes)
      : model(784, {minnow::dense(128), minnow::relu(), minnow::dense(10), minnow::softmax()},
              {.input = {.scale = {bytes ? 1.0F / 255.0F : 1.0F}}}) {
    model.set_weight("0.weight", tensor(golden::uniform(9, 0.0625F, 128 * 784), {128, 784}));
    model.set_weight("0.bias", tensor(golden::uniform(10, 0.0625F, 128), {128}));
    model.set_weight("2.weight", tensor(golden::uniform(11, 0.25F, 1280), {10, 128}));
    model.set_weight("2.bias", tensor(golden::uniform(12, 0.0625F, 10), {10}));
  }

  Tensor bytes() const { return Tensor::from(std::span<const std::uint8_t>(pixels), {640, 784}); }
  Tensor floats() const {
    std::vector<float> values(pixels.size());
    std::transform(pixels.begin(), pixels.end(), values.begin(),
                   [](std::uint8_t pixel) { return static_cast<float>(pixel) / 255.0F; });
    return tensor(values, {640, 784});
  }
  Tensor labels() const { return Tensor::from(std::span<const std::int32_t>(classes), {640}); }
  Tensor one_hot() const {
    std::vector<float> values(6400);
    for (std::size_t row = 0; row < 640; ++row) {
      values[row * 10 + static_cast<std::size_t>(classes[row])] = 1.0F;
    }
    return tensor(values, {640, 10});
  }
};

/// Batches in order, the last one of a pass as large as is left, as Keras takes them.
void expect_losses(minnow::Trainer& trainer, const Tensor& x, const Tensor& y,
                   const golden::Result& expected) {
  const std::int64_t rows = x.shape().rows();
  std::int64_t begin = 0;
  for (std::size_t step = 0; step < expected.losses.size(); ++step) {
    const std::int64_t end = std::min(begin + kBatch, rows);
    const double loss = trainer.step(x.rows(begin, end), y.rows(begin, end)).loss;
    EXPECT_NEAR(loss, expected.losses[step], kLossTolerance * expected.losses[step])
        << "loss of step " << step + 1;
    begin = end == rows ? 0 : end;
  }
  EXPECT_EQ(trainer.steps(), kSteps);
}

void expect_weights(const minnow::Model& model, const golden::Result& expected) {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < kWeights.size(); ++i) {
    const Tensor weight = model.weight(kWeights[i]);
    const std::span<const float> values = weight.data<float>();
    const std::vector<float> samples = golden::sampled(values);
    ASSERT_LE(offset + samples.size(), expected.samples.size());
    for (std::size_t j = 0; j < samples.size(); ++j) {
      EXPECT_NEAR(samples[j], expected.samples[offset + j], kWeightTolerance)
          << "sample " << j << " of " << kWeights[i];
    }
    offset += samples.size();
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    const double count = static_cast<double>(values.size());
    EXPECT_NEAR(sum, expected.sums[i], std::max(kWeightTolerance, kMeanTolerance * count))
        << "sum of " << kWeights[i];
  }
  EXPECT_EQ(offset, expected.samples.size());
}

/// How one test runs; the numbers must be the same for all of them.
struct Mode {
  const char* device;
  int threads;
  bool fuse;
};

std::string name(const Mode& mode) {
  return std::string(mode.threads == 0   ? mode.device
                     : mode.threads == 1 ? "OneThread"
                                         : "TwoThreads") +
         (mode.fuse ? "Fused" : "Unfused");
}
void PrintTo(const Mode& mode, std::ostream* out) { *out << name(mode); }

class Golden : public testing::TestWithParam<Mode> {
 protected:
  void SetUp() override {
    try {
      device();
    } catch (const minnow::DeviceUnavailable& error) {
      const char* required = std::getenv("MINNOW_REQUIRE");
      if (required != nullptr && std::string(GetParam().device) == required) FAIL() << error.what();
      GTEST_SKIP() << error.what();
    }
  }
  static minnow::Device device() {
    return minnow::open(GetParam().device, {.threads = GetParam().threads});
  }
  static minnow::TrainerOptions options() { return {.fuse = GetParam().fuse}; }

  static void expect_classifier(Classifier& classifier, const Tensor& x, const Tensor& y,
                                const minnow::OptimizerPtr& optimizer,
                                const golden::Result& expected) {
    minnow::Trainer trainer(classifier.model, minnow::cross_entropy(), optimizer, device(),
                            options());
    expect_losses(trainer, x, y, expected);
    expect_weights(classifier.model, expected);
  }
};

TEST_P(Golden, ToyWithKerasAdam) {
  Toy toy;
  minnow::Trainer trainer(toy.model, minnow::mse(), minnow::adam(), device(), options());
  expect_losses(trainer, toy.x, toy.y, golden::kToyKerasAdam);
  expect_weights(toy.model, golden::kToyKerasAdam);
}

TEST_P(Golden, ToyWithKerasSgdAndMomentum) {
  Toy toy;
  minnow::Trainer trainer(toy.model, minnow::mse(),
                          minnow::sgd({.learning_rate = 0.01F, .momentum = 0.9F}), device(),
                          options());
  expect_losses(trainer, toy.x, toy.y, golden::kToyKerasSgd);
  expect_weights(toy.model, golden::kToyKerasSgd);
}

TEST_P(Golden, FitReportsTheEpochLossesOfKerasFit) {
  Toy toy;
  minnow::Trainer trainer(toy.model, minnow::mse(), minnow::adam(), device(), options());
  const minnow::History history =
      trainer.fit(toy.x, toy.y, {.epochs = 5, .batch_size = kBatch, .shuffle = false});
  ASSERT_EQ(history.epochs.size(), std::size(golden::kToyFitLosses));
  for (std::size_t i = 0; i < history.epochs.size(); ++i) {
    const double expected = golden::kToyFitLosses[i];
    EXPECT_NEAR(history.epochs[i].train.loss, expected, kLossTolerance * expected)
        << "loss of epoch " << i + 1;
  }
  expect_weights(toy.model, golden::kToyKerasAdam);
}

TEST_P(Golden, ClassifierWithKerasAdam) {
  Classifier classifier(false);
  expect_classifier(classifier, classifier.floats(), classifier.one_hot(), minnow::adam(),
                    golden::kClassifierKerasAdam);
}

TEST_P(Golden, ClassifierFromIntegerLabels) {
  Classifier classifier(false);
  expect_classifier(classifier, classifier.floats(), classifier.labels(), minnow::adam(),
                    golden::kClassifierKerasAdam);
}

TEST_P(Golden, ClassifierFromBytes) {
  Classifier classifier(true);
  expect_classifier(classifier, classifier.bytes(), classifier.labels(), minnow::adam(),
                    golden::kClassifierKerasAdam);
}

TEST_P(Golden, ClassifierWithTorchAdam) {
  Classifier classifier(false);
  expect_classifier(classifier, classifier.floats(), classifier.one_hot(),
                    minnow::adam({.preset = minnow::AdamPreset::torch}),
                    golden::kClassifierTorchAdam);
}

INSTANTIATE_TEST_SUITE_P(Devices, Golden,
                         testing::Values(Mode{"cpu", 1, true}, Mode{"cpu", 1, false},
                                         Mode{"cpu", 2, true}, Mode{"cpu", 2, false},
                                         Mode{"cuda", 0, true}, Mode{"cuda", 0, false}),
                         [](const auto& mode) { return name(mode.param); });

}  // namespace
