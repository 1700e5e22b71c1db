// A loss or gradient that stops being finite ends the run at that step and loses nothing.

#include "problems.h"

#include <cmath>
#include <map>
#include <optional>

#include "devices.h"
#include "functions.h"

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

/// Small nets that diverge, under any optimizer.
struct Divergence {
  Divergence(OptimizerPtr optimizer, const Device& device, float target = 1.0F)
      : y(random_tensor({64, 1}, 2)), trainer(model, mse(), std::move(optimizer), device) {
    for (float& value : y.mutable_data<float>()) value *= target;
  }

  void step(std::int64_t number) {
    const std::int64_t begin = number * 16 % 64;
    trainer.step(x.rows(begin, begin + 16), y.rows(begin, begin + 16));
  }

  Tensor x = random_tensor({64, 10}, 1);
  Tensor y;
  Model model{10, {dense(16), relu(), dense(1)}, {.seed = 1}};
  Trainer trainer;
};

/// Not on the plain loops: they compute in double, in which nothing of this overflows.
class NotFiniteUpdate : public NotFinite {};

// The gradients are finite, and what the update would make of them is not. Weights and moments are
// those after the last good step: a twin that did only the good ones goes on alike.
TEST_P(NotFiniteUpdate, AnUpdateThatWouldNotBeFiniteChangesNothing) {
  std::map<std::size_t, int> refused_updates;  // by rule
  for (const float rate : {1e-3F, 5e5F, 1e6F, 1e8F, 1e38F}) {
    for (const float target : {1.0F, 4e18F}) {
      for (const OptimizerPtr& optimizer : all_optimizers(rate)) {
        SCOPED_TRACE(optimizer->str() + ", targets " + std::to_string(target));
        Divergence run(optimizer, device(), target);
        std::optional<NumericError> error;
        std::vector<float> last = all_weights(run.model);
        for (std::int64_t step = 0; step < 60 && !error; ++step) {
          try {
            run.step(step);
            last = all_weights(run.model);
          } catch (const NumericError& caught) {
            error = caught;
          }
        }
        ASSERT_TRUE(finite(run.model));
        EXPECT_EQ(all_weights(run.model), last);
        if (!error) {
          EXPECT_EQ(rate, 1e-3F) << "it does not diverge";
          continue;
        }
        EXPECT_EQ(error->code(), Code("MN-N05"));
        EXPECT_EQ(error->step(), run.trainer.steps() + 1);
        if (error->tensor().starts_with("update of ")) ++refused_updates[optimizer->rule().index()];

        Divergence twin(optimizer, device(), target);
        for (std::int64_t step = 0; step < run.trainer.steps(); ++step) twin.step(step);
        EXPECT_EQ(all_weights(twin.model), last);
        for (Divergence* one : {&run, &twin}) {
          one->trainer.set_learning_rate(1e-30F);
          for (const std::string& name : one->model.weight_names()) {
            one->model.set_weight(name, Tensor(one->model.weight(name).shape()));
          }
          try {
            one->step(0);
          } catch (const NumericError&) {  // of large moments: for both
          }
        }
        EXPECT_EQ(all_weights(run.model), all_weights(twin.model));
      }
    }
  }
  EXPECT_EQ(refused_updates.size(), std::variant_size_v<UpdateRule>);
}

// The same in one run of many steps: none of those behind the bad one did anything.
TEST_P(NotFiniteUpdate, AFitEndsAtTheUpdateThatWouldNotBeFinite) {
  for (const OptimizerPtr& optimizer : all_optimizers(1e6F)) {
    SCOPED_TRACE(optimizer->str());
    Divergence run(optimizer, device()), twin(optimizer, device());
    const FitOptions options{.epochs = 50, .batch_size = 16, .shuffle = false};
    EXPECT_THROW(run.trainer.fit(run.x, run.y, options), NumericError);
    EXPECT_TRUE(finite(run.model));
    for (std::int64_t step = 0; step < run.trainer.steps(); ++step) twin.step(step);
    EXPECT_EQ(all_weights(run.model), all_weights(twin.model));
  }
}

TEST_P(NotFiniteUpdate, TheUpdateThatWouldNotBeFiniteIsNamed) {
  Divergence run(adam({.learning_rate = 1e6F}), device());
  run.step(0);
  EXPECT_EQ(message_of<NumericError>([&] { run.step(1); }),
            "training became not finite at step 2: the first such value is in the update of "
            "0.weight. [MN-N05]\n"
            "  evidence: loss of the step before 0.460377, learning rate 1e+06, gradient norm "
            "1.17073e+21\n"
            "  remedy:   lower the learning rate, or scale the inputs and targets to about 1\n"
            "  effect:   weights are those after step 1, the last good ones");
}

// Where bounds cannot say that an update stays finite, the numbers themselves do.
TEST_P(NotFinite, LargeWeightsThatStayFiniteTrain) {
  constexpr float kLarge = 2e38F;
  const std::vector<float> row{2e-38F, 1.0F};
  const float target = 1.0F;
  for (const OptimizerPtr& optimizer : all_optimizers(1e-2F)) {
    SCOPED_TRACE(optimizer->str());
    const UpdateRule rule = optimizer->rule();
    const auto* squares = std::get_if<RmspropRule>(&rule);
    if (squares != nullptr && squares->weight_decay > 0) continue;  // the decay's square overflows
    Model model(2, {dense(1, {.bias = false})}, {.seed = 1});
    const std::vector<float> weights{kLarge, 0.0F};
    model.set_weight("0.weight", Tensor::view(std::span<const float>(weights), {1, 2}));
    Trainer trainer(model, mse(), optimizer, device());
    const Tensor x = Tensor::view(std::span<const float>(row), {1, 2});
    const Tensor y = Tensor::view(std::span<const float>(&target, 1), {1, 1});
    double first = 0, last = 0;
    for (int step = 0; step < 20; ++step) {
      last = trainer.step(x, y).loss;
      if (step == 0) first = last;
    }
    EXPECT_LT(last, first);
    EXPECT_GT(all_weights(model)[0], kLarge / 2);
    EXPECT_LT(all_weights(model)[1], 0.0F);
  }
}

TEST_P(NotFinite, LargeGradientsThatAreStillFiniteTrain) {
  const auto step = [&](float x, const OptimizerPtr& optimizer) {
    Model model(1, {dense(1, {.bias = false})}, {.seed = 1});
    model.set_weight("0.weight", Tensor({1, 1}));
    const float target = 1.0F;
    Trainer trainer(model, mse(), optimizer, device());
    trainer.step(Tensor::view(std::span<const float>(&x, 1), {1, 1}),
                 Tensor::view(std::span<const float>(&target, 1), {1, 1}));
    return all_weights(model)[0];
  };
  // A gradient of -2 x: its square, 2.25e38, is beyond what the bounds let pass.
  constexpr float kX = 7.5e18F;
  EXPECT_NEAR(step(kX, adam()), 1e-3, 1e-8);  // Keras's powers are in float
  EXPECT_FLOAT_EQ(step(kX, adam({.preset = AdamPreset::torch})), 1e-3F);
  EXPECT_FLOAT_EQ(step(kX, rmsprop({.preset = RmspropPreset::torch})), 1e-2F);
  EXPECT_FLOAT_EQ(step(5e19F, sgd({.learning_rate = 1e-20F})), 1.0F);
  EXPECT_FLOAT_EQ(step(2.5e37F, sgd({.learning_rate = 2e-38F, .momentum = 0.9F})), 1.0F);
}

// Workers decide together, and on the same numbers.
TEST(NotFiniteOnCpu, AnyNumberOfThreadsRefusesTheSameUpdate) {
  const Tensor x = random_tensor({128, 784}, 1), y = random_tensor({128, 10}, 2);
  for (const OptimizerPtr& optimizer :
       {sgd({.learning_rate = 1e6F, .momentum = 0.9F}),
        adam({.learning_rate = 1e6F, .weight_decay = 0.1F}), rmsprop({.learning_rate = 1e6F})}) {
    SCOPED_TRACE(optimizer->str());
    std::vector<std::vector<float>> weights;
    std::vector<std::string> messages;
    for (const int threads : {1, 2, 3}) {
      Model model(784, {dense(200), relu(), dense(10)}, {.seed = 1});
      Trainer trainer(model, mse(), optimizer, open("cpu", {.threads = threads}));
      EXPECT_NE(trainer.explain(64).find(std::to_string(threads) + " of " +
                                         std::to_string(threads) + " threads"),
                std::string::npos)
          << trainer.explain(64);
      messages.push_back(
          message_of<NumericError>([&] { trainer.fit(x, y, {.epochs = 20, .batch_size = 64}); }));
      weights.push_back(all_weights(model));
    }
    EXPECT_NE(messages[0].find("training became not finite at step "), std::string::npos);
    for (std::size_t i = 1; i < weights.size(); ++i) {
      EXPECT_EQ(weights[i], weights[0]);
      EXPECT_EQ(messages[i], messages[0]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, NotFinite, all_devices(), device_name);
INSTANTIATE_TEST_SUITE_P(Devices, NotFiniteUpdate, ::testing::Values("cpu", "cuda"), device_name);

}  // namespace
}  // namespace minnow::testing
