// Layers, losses and activations that are not the library's train, are saved and read like its own.

#include "own_parts.h"

#include <cmath>
#include <filesystem>

#include "devices.h"
#include "functions.h"
#include "gradients.h"
#include "problems.h"

namespace minnow::testing {
namespace {

class OwnParts : public OnDevice {};

/// Smooth targets: a mean over the features, bent.
Tensor targets_of(const Tensor& x, std::int64_t outputs) {
  Tensor y({x.shape().rows(), outputs});
  const auto from = x.data<float>();
  const auto to = y.mutable_data<float>();
  const auto width = static_cast<std::size_t>(x.shape().row_elements());
  for (std::size_t i = 0; i < to.size(); ++i) {
    float sum = 0;
    for (std::size_t j = 0; j < width; ++j) {
      sum += from[i / static_cast<std::size_t>(outputs) * width + j];
    }
    to[i] = std::sin(sum + static_cast<float>(i % static_cast<std::size_t>(outputs)));
  }
  return y;
}

TEST_P(OwnParts, ALayersGradientsAreThoseOfItsFormula) {
  for (const Activation& f : all_activations()) {
    SCOPED_TRACE(text_of(f));
    // First in the model, where it gives no gradient of its input, and behind other layers.
    const Model model(5, {residual(7, f), dense(4), residual(3, f), dense(2)}, {.seed = 3});
    for (const bool fused : {false, true}) {
      check_gradients(backend(), model, mse(), TargetKind::values, fused);
    }
  }
}

TEST_P(OwnParts, ALossOfTwoTermsHasTheirGradients) {
  const Model model(5, {dense(8), tanh(), dense(3)}, {.seed = 4});
  const LossFunction logits{.kind = LossKind::sigmoid_binary_cross_entropy, .weight = 0.25F};
  const LossFunction squares{.kind = LossKind::mean_squared_error, .weight = 2.0F};
  for (const bool fused : {false, true}) {
    check_gradients(backend(), model, sum_of_losses(), TargetKind::values, fused);
    for (const auto& loss : {std::make_shared<SumOfLosses>(logits, squares),
                             std::make_shared<SumOfLosses>(squares, logits)}) {
      check_gradients(backend(), model, loss, TargetKind::values, fused);
    }
  }
}

// The terms are reported as their sum, and the first one decides about accuracy.
TEST_P(OwnParts, ALossOfTwoTermsIsReportedAsTheirSum) {
  const Tensor x = random_tensor({50, 5}, 1);
  Tensor y = random_tensor({50, 2}, 2);
  for (float& value : y.mutable_data<float>()) value = value < 0.5F ? 0.0F : 1.0F;
  Model model(5, {dense(8), tanh(), dense(2)}, {.seed = 4});
  const auto evaluate = [&](const LossPtr& loss) {
    Trainer trainer(model, loss, adam(), device());
    return trainer.evaluate(x, y, 16);
  };
  const LossFunction logits{.kind = LossKind::sigmoid_binary_cross_entropy, .weight = 0.25F};
  const LossFunction squares{.kind = LossKind::mean_squared_error, .weight = 2.0F};
  const Evaluation alone = evaluate(binary_cross_entropy({.from_logits = true}));
  const double expected = 0.25 * alone.loss + 2 * evaluate(mse()).loss;
  const Evaluation both = evaluate(std::make_shared<SumOfLosses>(logits, squares));
  EXPECT_NEAR(both.loss, expected, 1e-6 * expected);
  ASSERT_TRUE(both.accuracy.has_value());
  EXPECT_EQ(both.accuracy, alone.accuracy);
  const Evaluation other = evaluate(std::make_shared<SumOfLosses>(squares, logits));
  EXPECT_NEAR(other.loss, expected, 1e-6 * expected);
  EXPECT_FALSE(other.accuracy.has_value());
}

Model own_model(std::int64_t inputs = 6, std::int64_t units = 24) {
  return Model(inputs, {dense(units), softsign(), residual(units), dense(2)}, {.seed = 5});
}

// The CPU only: a device with code of its own does not run functions of the program.
TEST(OwnPartsOnCpu, TrainAreSavedAndReadAgain) {
  const Tensor x = random_tensor({120, 6}, 1), y = targets_of(x, 2);
  Model model = own_model();
  Trainer trainer(model, sum_of_losses(), adam({.learning_rate = 5e-3F}), open("cpu"));
  const double before = trainer.evaluate(x, y).loss;
  trainer.fit(x, y, {.epochs = 60});
  EXPECT_LT(trainer.evaluate(x, y).loss, before / 5);

  const std::string path =
      (std::filesystem::path(::testing::TempDir()) / "own_parts.safetensors").string();
  save_model(model, path);
  Model again = read_model(path, make_own_layer);
  EXPECT_EQ(again.summary(), model.summary());
  EXPECT_EQ(all_weights(again), all_weights(model));
  Trainer reader(again, sum_of_losses(), adam(), open("cpu"));
  const Tensor expected = trainer.predict(x), actual = reader.predict(x);
  EXPECT_TRUE(std::ranges::equal(actual.data<float>(), expected.data<float>()));
  const std::string message = message_of<FormatError>([&] { load_model(path); });
  EXPECT_NE(message.find("layer 1 is of the unknown type \"softsign\""), std::string::npos)
      << message;
  EXPECT_NE(message.find("read it with the version of minnow, and the layers, that wrote it"),
            std::string::npos)
      << message;
  std::filesystem::remove(path);
}

TEST(OwnPartsOnCpu, AnActivationOfTwoFormulasIsAsGoodAsOneOfTheTable) {
  const LayerPtr own = activation(
      "my_tanh", [](float x) { return std::tanh(x); },
      [](float x) { return 1.0F - std::tanh(x) * std::tanh(x); });
  const Tensor x = random_tensor({90, 40}, 1), y = targets_of(x, 3);
  std::vector<std::vector<float>> results;
  for (const LayerPtr& layer : {own, tanh()}) {
    for (const bool fused : {false, true}) {
      Model model(40, {dense(33), layer, dense(17), layer, dense(3)}, {.seed = 2});
      Trainer trainer(model, mse(), sgd({.learning_rate = 0.05F, .momentum = 0.9F}), open("cpu"),
                      {.fuse = fused});
      trainer.fit(x, y, {.epochs = 3});
      results.push_back(all_weights(model));
      if (layer == own) {
        EXPECT_NE(trainer.explain(32).find(fused ? "linear_input_grad+my_tanh_grad" : "my_tanh  "),
                  std::string::npos)
            << trainer.explain(32);
      }
    }
  }
  for (const auto& result : results) {
    for (std::size_t i = 0; i < result.size(); ++i) ASSERT_NEAR(result[i], results[0][i], 2e-6);
  }
}

// Neither threads nor slices change a bit of what own parts make.
TEST(OwnPartsOnCpu, ThreadsAndSlicesGiveTheSameBits) {
  const Tensor x = random_tensor({200, 300}, 1), y = targets_of(x, 2);
  std::vector<std::vector<float>> results;
  std::vector<double> losses;
  for (const bool fused : {false, true}) {
    results.clear();
    for (const int threads : {1, 2, 3}) {
      for (const std::int64_t microbatch : {0, 24}) {
        Model model = own_model(300, 260);
        Trainer trainer(model, sum_of_losses(), rmsprop(), open("cpu", {.threads = threads}),
                        {.fuse = fused});
        const History history =
            trainer.fit(x, y, {.epochs = 2, .batch_size = 64, .microbatch = microbatch});
        EXPECT_NE(trainer.explain(64).find(std::to_string(threads) + " of " +
                                           std::to_string(threads) + " threads"),
                  std::string::npos)
            << trainer.explain(64);
        results.push_back(all_weights(model));
        losses.push_back(history.epochs[1].train.loss);
      }
    }
    for (const auto& result : results) EXPECT_EQ(result, results[0]) << fused;
  }
  for (const double loss : losses) EXPECT_EQ(loss, losses[0]);
}

TEST(OwnPartsOnCpu, AnActivationNeedsAFreeNameAndBothFunctions) {
  const auto same = [](float x) { return x; };
  for (const char* taken : {"relu", "gelu", "identity", "dense", "softmax"}) {
    EXPECT_EQ(message_of<InvalidArgument>([&] { activation(taken, same, same); }),
              "an activation named \"" + std::string(taken) +
                  "\" cannot be made: the library has a layer of that name. [MN-U01]\n"
                  "  remedy:   give it another name: a model file finds it by that");
  }
  EXPECT_EQ(message_of<InvalidArgument>([&] { activation("", same, same); }),
            "an activation without a name cannot be made. [MN-U01]");
  CustomActivation half{
      .name = "half", .value = [](const float*, float*, std::int64_t) {}, .slope = {}};
  EXPECT_EQ(message_of<InvalidArgument>([&] {
              activation({.kind = ActivationKind::custom,
                          .custom = std::make_shared<const CustomActivation>(half)});
            }),
            "the activation \"half\" has no function for its slope. [MN-U01]");
  EXPECT_EQ(message_of<InvalidArgument>([] { activation({.kind = ActivationKind::custom}); }),
            "an activation of a program's own needs its functions. [MN-U01]");
}

INSTANTIATE_TEST_SUITE_P(Devices, OwnParts, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
