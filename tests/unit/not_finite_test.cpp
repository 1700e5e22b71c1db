// A loss or gradient that stops being finite ends the run at that step and loses nothing.

#include "problems.h"

#include <cmath>

#include "devices.h"

namespace minnow::testing {
namespace {

class NotFinite : public OnDevice {
 protected:
  static bool finite(const Model& model) {
    for (const float weight : all_weights(model)) {
      if (!std::isfinite(weight)) return false;
    }
    return true;
  }
};

TEST_P(NotFinite, ALearningRateThatExplodesKeepsTheLastGoodWeights) {
  const Tensor x = random_tensor({64, 10}, 1), y = random_tensor({64, 1}, 2);
  for (const bool every_batch : {false, true}) {
    Model model(10, {dense(16), relu(), dense(1)}, {.seed = 1});
    Trainer trainer(model, mse(), sgd({.learning_rate = 1e6F}), device());
    std::vector<float> last;
    FitOptions options{.epochs = 100, .batch_size = 16};
    if (every_batch) options.on_batch_end = [&](auto&) { last = all_weights(model); };
    try {
      trainer.fit(x, y, options);
      FAIL() << "nothing was thrown";
    } catch (const NumericError& error) {
      EXPECT_EQ(error.code(), Code("MN-N05"));
      EXPECT_EQ(error.step(), trainer.steps() + 1);
      EXPECT_NE(error.cause().find("training became not finite at step "), std::string::npos);
      EXPECT_NE(error.tensor(), "") << error.what();
      EXPECT_NE(error.evidence().find("learning rate 1e+06"), std::string::npos) << error.what();
    }
    EXPECT_TRUE(finite(model));
    if (every_batch) {
      EXPECT_EQ(all_weights(model), last);
    }
    // With a smaller rate, and better weights, the same trainer goes on.
    trainer.set_learning_rate(1e-3F);
    for (const std::string& name : model.weight_names()) {
      model.set_weight(name, Tensor(model.weight(name).shape()));
    }
    EXPECT_NO_THROW(trainer.fit(x, y));
  }
}

TEST_P(NotFinite, TheFirstTensorIsNamed) {
  Model model(2, {dense(2), relu(), dense(1)}, {.seed = 1});
  Tensor huge({2, 2});
  for (float& w : huge.mutable_data<float>()) w = 3e38F;
  model.set_weight("0.weight", huge);
  Trainer trainer(model, mse(), adam(), device());
  const std::vector<float> two{2.0F, 2.0F};
  const auto before = all_weights(model);
  EXPECT_EQ(message_of<NumericError>([&] {
              trainer.step(Tensor::view(std::span<const float>(two), {1, 2}), Tensor({1, 1}));
            }),
            "training became not finite at step 1: the first such value is in the output of "
            "dense_1 (inf). [MN-N05]\n"
            "  evidence: learning rate 0.001, gradient norm not finite\n"
            "  remedy:   lower the learning rate, or scale the inputs and targets to about 1\n"
            "  effect:   no weight was changed");
  EXPECT_EQ(all_weights(model), before);
}

TEST_P(NotFinite, AnInfiniteGradientUnderAFiniteLossIsCaught) {
  // The prediction is exact on the row, but 3e38 * 10 overflows in the weight gradient.
  Model model(2, {dense(1, {.bias = false})}, {.seed = 1});
  Tensor weight({1, 2});
  weight.mutable_data<float>()[0] = 1e-20F;
  model.set_weight("0.weight", weight);
  Trainer trainer(model, mse(), adam(), device());
  const std::vector<float> row{3e38F, 0.0F};
  const float target = 0.0F;
  const auto before = all_weights(model);
  // prediction 3e18, loss 9e36: finite; gradient 6e18 * 3e38: infinite.
  const std::string message = message_of<NumericError>([&] {
    trainer.step(Tensor::view(std::span<const float>(row), {1, 2}),
                 Tensor::view(std::span<const float>(&target, 1), {1, 1}));
  });
  EXPECT_NE(message.find("the first such value is in the gradient of 0.weight (inf)."),
            std::string::npos)
      << message;
  EXPECT_EQ(all_weights(model), before);
  EXPECT_EQ(trainer.steps(), 0);
}

INSTANTIATE_TEST_SUITE_P(Devices, NotFinite, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
