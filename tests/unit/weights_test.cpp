// Weights by name, and who has the current ones.

#include "problems.h"

#include <algorithm>
#include <cmath>

#include "devices.h"

namespace minnow::testing {
namespace {

class WeightsTest : public OnDevice {
 protected:
  const Tensor x = random_tensor({50, 10}, 1);
  const Tensor y = labels_of(x, 3);
  Model model = small_classifier();
};

TEST_P(WeightsTest, HavePyTorchsNamesAndShapes) {
  EXPECT_EQ(model.weight_names(),
            (std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias"}));
  EXPECT_EQ(model.weight("0.weight").shape(), (Shape{16, 10}));
  EXPECT_EQ(model.weight("2.bias").shape(), (Shape{3}));
  const Model one(10, {dense(1)});
  EXPECT_EQ(one.weight("0.weight").shape(), (Shape{1, 10}));
  EXPECT_EQ(one.weight("0.bias").shape(), (Shape{1}));
}

TEST_P(WeightsTest, WhatIsSetIsUsedAndReadBack) {
  Trainer trainer(model, cross_entropy(), adam(), device());
  Tensor weight({16, 10}), head({3, 16}), bias({3});
  weight.mutable_data<float>()[0] = 2;   // unit 0 = 2 * feature 0
  head.mutable_data<float>()[16] = 3;    // class 1 = 3 * unit 0
  bias.mutable_data<float>()[2] = 0.5F;  // class 2
  for (const auto& [name, values] :
       {std::pair{"0.weight", weight}, {"2.weight", head}, {"2.bias", bias}}) {
    model.set_weight(name, values);
    EXPECT_EQ(model.weight(name).data<float>()[0], values.data<float>()[0]);
  }
  std::vector<float> row(10);
  row[0] = 0.25F;
  const auto p = trainer.predict_row(row);
  EXPECT_NEAR(std::log(p[1] / p[0]), 1.5, 1e-5);
  EXPECT_NEAR(std::log(p[2] / p[0]), 0.5, 1e-5);
}

TEST_P(WeightsTest, AreCurrentAfterEveryStep) {
  Trainer trainer(model, cross_entropy(), sgd({.learning_rate = 0.1F}), device());
  auto before = all_weights(model);
  for (int i = 0; i < 3; ++i) {
    trainer.step(x, y);
    const auto after = all_weights(model);
    EXPECT_NE(after, before);
    before = after;
  }
}

TEST_P(WeightsTest, TwoTrainersTakeTurns) {
  Model alone = small_classifier();
  Trainer only(alone, cross_entropy(), sgd({.learning_rate = 0.1F}), device());
  Trainer first(model, cross_entropy(), sgd({.learning_rate = 0.1F}), device());
  Trainer second(model, cross_entropy(), sgd({.learning_rate = 0.1F}), open("cpu"));
  for (int i = 0; i < 3; ++i) {
    only.step(x, y);
    only.step(x, y);
    first.step(x, y);
    second.step(x, y);
  }
  const auto expected = all_weights(alone), actual = all_weights(model);
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 1e-6);
}

TEST_P(WeightsTest, SurviveTheirTrainerAndAMovedModel) {
  std::vector<float> trained;
  {
    Trainer trainer(model, cross_entropy(), adam(), device());
    trainer.fit(x, y);
    trained = all_weights(model);
    trainer.step(x, y);
  }
  EXPECT_NE(all_weights(model), trained);
  trained = all_weights(model);
  const Model moved = std::move(model);
  EXPECT_EQ(all_weights(moved), trained);
}

TEST_P(WeightsTest, InitialisersHaveTheirSpread) {
  const auto spread = [](Init init) {
    const Model wide(400, {dense(300, {.init = init})}, {.seed = 3});
    const Tensor weight = wide.weight("0.weight");
    double sum = 0, squares = 0, largest = 0;
    for (const float w : weight.data<float>()) {
      sum += w;
      squares += w * w;
      largest = std::max(largest, std::abs(static_cast<double>(w)));
    }
    const double count = 400 * 300;
    EXPECT_NEAR(sum / count, 0, 0.001);
    return std::pair{std::sqrt(squares / count), largest};
  };
  const auto glorot = spread(Init::glorot_uniform);
  EXPECT_NEAR(glorot.first, std::sqrt(2.0 / 700), 3e-4);
  EXPECT_LE(glorot.second, std::sqrt(6.0 / 700));
  const auto he_uniform = spread(Init::he_uniform);
  EXPECT_NEAR(he_uniform.first, std::sqrt(2.0 / 400), 3e-4);
  EXPECT_LE(he_uniform.second, std::sqrt(6.0 / 400));
  const auto he_normal = spread(Init::he_normal);
  EXPECT_NEAR(he_normal.first, std::sqrt(2.0 / 400), 5e-4);
  EXPECT_GT(he_normal.second, 3 * std::sqrt(2.0 / 400));
}

TEST_P(WeightsTest, GivenValuesAreTaken) {
  const Tensor weight = random_tensor({4, 10}, 9), bias = random_tensor({4}, 10);
  const Model given(10, {dense(4, {.weight = weight, .bias_values = bias})});
  EXPECT_EQ(given.weight("0.weight").data<float>()[7], weight.data<float>()[7]);
  EXPECT_EQ(given.weight("0.bias").data<float>()[3], bias.data<float>()[3]);
  EXPECT_EQ(message_of<ShapeError>([&] { Model(9, {dense(4, {.weight = weight})}); }),
            "dense_1 expects a starting value of shape (4, 9) for \"0.weight\", got (4, 10). "
            "[MN-N02]");
}

INSTANTIATE_TEST_SUITE_P(Devices, WeightsTest, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
