#include "problems.h"

#include <algorithm>
#include <cmath>

#include "devices.h"

namespace minnow::testing {
namespace {

class TrainerTest : public OnDevice {
 protected:
  const Tensor x = random_tensor({100, 10}, 1);
  const Tensor y = labels_of(x, 3);
};

TEST_P(TrainerTest, LearnsWhatCanBeLearned) {
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam({.learning_rate = 0.01F}), device());
  const Evaluation before = trainer.evaluate(x, y);
  trainer.fit(x, y, {.epochs = 60});
  const Evaluation after = trainer.evaluate(x, y);
  EXPECT_LT(after.loss, 0.5 * before.loss);
  EXPECT_GT(after.accuracy.value(), 0.9);
  EXPECT_EQ(after.rows, 100);
}

TEST_P(TrainerTest, OneHotAndLabelsTrainAlike) {
  Tensor one_hot({100, 3});
  for (std::int64_t row = 0; row < 100; ++row) {
    const auto label = y.data<std::int32_t>()[static_cast<std::size_t>(row)];
    one_hot.mutable_data<float>()[static_cast<std::size_t>(row * 3 + label)] = 1;
  }
  std::vector<std::vector<float>> results;
  for (const Tensor& target : {y, y.to(DType::u8), y.to(DType::i64).reshape({100, 1}), one_hot}) {
    Model model = small_classifier();
    Trainer trainer(model, cross_entropy(), adam(), device());
    const History history = trainer.fit(x, target, {.epochs = 3});
    EXPECT_TRUE(history.epochs.back().train.accuracy.has_value());
    results.push_back(all_weights(model));
  }
  for (const auto& result : results) EXPECT_EQ(result, results.front());
}

// Whether the first feature is larger than the second: of one output by labels or by numbers, from
// probabilities or logits, it is one and the same training.
TEST_P(TrainerTest, OneOutputTellsTwoClassesApart) {
  const Tensor labels = labels_of(x, 2);
  std::vector<std::vector<float>> results;
  for (const bool logits : {false, true}) {
    for (const Tensor& target : {labels, labels.to(DType::u8), labels.to(DType::f32)}) {
      std::vector<LayerPtr> layers{dense(16), tanh(), dense(1)};
      if (!logits) layers.push_back(sigmoid());
      Model model(10, std::move(layers), {.seed = 1});
      Trainer trainer(model, binary_cross_entropy({.from_logits = logits}),
                      adam({.learning_rate = 0.02F}), device());
      const Evaluation before = trainer.evaluate(x, target);
      EXPECT_NEAR(before.loss, std::log(2), 0.3);
      trainer.fit(x, target, {.epochs = 60});
      const Evaluation after = trainer.evaluate(x, target);
      EXPECT_LT(after.loss, 0.3 * before.loss);
      EXPECT_GT(after.accuracy.value(), 0.95);
      results.push_back(all_weights(model));
    }
  }
  for (const auto& result : results) EXPECT_EQ(result, results.front());
}

// Each output by itself; a row counts as right when all its outputs are.
TEST_P(TrainerTest, SeveralOutputsOfABinaryLossAreSeveralLabels) {
  Tensor target({100, 2});
  for (std::size_t row = 0; row < 100; ++row) {
    for (std::size_t i = 0; i < 2; ++i) {
      const bool larger = x.data<float>()[row * 10 + i] > x.data<float>()[row * 10 + i + 1];
      target.mutable_data<float>()[row * 2 + i] = larger ? 1.0F : 0.0F;
    }
  }
  Model model(10, {dense(16), gelu(), dense(2), sigmoid()}, {.seed = 1});
  Trainer trainer(model, binary_cross_entropy(), adamw({.learning_rate = 0.02F}), device());
  trainer.fit(x, target, {.epochs = 60});
  const Tensor predicted = trainer.predict(x);
  int right = 0;
  for (std::size_t row = 0; row < 100; ++row) {
    bool both = true;
    for (std::size_t i = row * 2; i < row * 2 + 2; ++i) {
      both = both && (predicted.data<float>()[i] > 0.5F) == (target.data<float>()[i] > 0.5F);
    }
    right += both;
  }
  EXPECT_GT(right, 90);
  EXPECT_DOUBLE_EQ(trainer.evaluate(x, target).accuracy.value(), right / 100.0);
}

TEST_P(TrainerTest, FusedAndUnfusedAgree) {
  for (const LossPtr& loss : {cross_entropy(), mse()}) {
    std::vector<std::vector<float>> results;
    const Tensor target = loss->classification() ? y : random_tensor({100, 3}, 5);
    for (const bool fuse : {false, true}) {
      Model model = small_classifier();
      Trainer trainer(model, loss, adam(), device(), {.fuse = fuse});
      trainer.fit(x, target, {.epochs = 3});
      results.push_back(all_weights(model));
    }
    for (std::size_t i = 0; i < results[0].size(); ++i) {
      ASSERT_NEAR(results[0][i], results[1][i], 1e-5) << loss->name();
    }
  }
}

TEST_P(TrainerTest, StepsMakeTheSameEpochAsFit) {
  Model one = small_classifier(), other = small_classifier();
  Trainer by_fit(one, cross_entropy(), adam(), device());
  Trainer by_step(other, cross_entropy(), adam(), device());
  by_fit.fit(x, y, {.epochs = 1, .batch_size = 32, .shuffle = false});
  double loss = 0;
  for (std::int64_t begin = 0; begin < 100; begin += 32) {
    const std::int64_t end = std::min<std::int64_t>(begin + 32, 100);
    const Evaluation step = by_step.step(x.rows(begin, end), y.rows(begin, end));
    EXPECT_EQ(step.rows, end - begin);
    loss += step.loss * static_cast<double>(step.rows) / 100;
  }
  EXPECT_EQ(all_weights(one), all_weights(other));
  EXPECT_EQ(by_step.steps(), 4);
  // The epoch's loss is the mean over its samples, the last batch of 4 counted as 4.
  Model third = small_classifier();
  Trainer again(third, cross_entropy(), adam(), device());
  const History history = again.fit(x, y, {.epochs = 1, .batch_size = 32, .shuffle = false});
  EXPECT_NEAR(history.epochs[0].train.loss, loss, 1e-6);
  EXPECT_EQ(history.epochs[0].train.rows, 100);
  EXPECT_EQ(history.epochs[0].steps, 4);
}

TEST_P(TrainerTest, TheSameSeedGivesTheSameBits) {
  std::vector<std::vector<float>> results;
  for (const std::uint64_t seed : {1U, 1U, 2U}) {
    Model model = small_classifier(seed);
    Trainer trainer(model, cross_entropy(), adam(), device());
    trainer.fit(x, y, {.epochs = 3});
    results.push_back(all_weights(model));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_NE(results[0], results[2]);
}

TEST_P(TrainerTest, TheResultDoesNotDependOnHowARunIsCut) {
  Model one = small_classifier(), other = small_classifier();
  Trainer whole(one, cross_entropy(), adam(), device());
  Trainer batch_by_batch(other, cross_entropy(), adam(), device());
  whole.fit(x, y, {.epochs = 40, .batch_size = 7});
  batch_by_batch.fit(x, y, {.epochs = 40, .batch_size = 7, .on_batch_end = [](auto&) {}});
  EXPECT_EQ(all_weights(one), all_weights(other));
}

TEST_P(TrainerTest, ShufflingChangesWithTheEpoch) {
  // Two fits of one epoch equal one fit of two: the second does not repeat the first's order.
  Model one = small_classifier(), other = small_classifier();
  Trainer twice(one, cross_entropy(), adam(), device());
  Trainer once(other, cross_entropy(), adam(), device());
  twice.fit(x, y);
  twice.fit(x, y);
  once.fit(x, y, {.epochs = 2});
  EXPECT_EQ(all_weights(one), all_weights(other));
  Model third = small_classifier();
  Trainer unshuffled(third, cross_entropy(), adam(), device());
  unshuffled.fit(x, y, {.epochs = 2, .shuffle = false});
  EXPECT_NE(all_weights(one), all_weights(third));
}

TEST_P(TrainerTest, PredictDoesNotDependOnTheBatch) {
  Model model = wide_classifier();
  Trainer trainer(model, cross_entropy(), adam(), device());
  const Tensor rows = random_tensor({1100, 784}, 3);
  const Tensor all = trainer.predict(rows);
  EXPECT_EQ(all.shape(), (Shape{1100, 10}));
  const auto expect_rows = [&](const Tensor& part, std::int64_t begin) {
    const auto expected = all.rows(begin, begin + part.shape().rows()).data<float>();
    const auto actual = part.data<float>();
    for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_EQ(actual[i], expected[i]) << begin;
  };
  for (const std::int64_t count : {1, 2, 15, 16, 17, 130, 1024, 1025}) {
    expect_rows(trainer.predict(rows.rows(7, 7 + count)), 7);
  }
  const auto row = trainer.predict_row(rows.rows(70, 71).data<float>());
  expect_rows(Tensor::from(row, {1, 10}), 70);
  double sum = 0;
  for (const float p : row) sum += p;
  EXPECT_NEAR(sum, 1.0, 1e-6);
}

TEST_P(TrainerTest, BytesAreReadInPlaceAndScaled) {
  const InputTransform scaled{.offset = {0.0F}, .scale = {1.0F / 255}};
  Tensor bytes({64, 28, 28}, DType::u8);
  Tensor floats({64, 784});
  for (std::size_t i = 0; i < bytes.data<std::uint8_t>().size(); ++i) {
    const auto value = static_cast<std::uint8_t>(i * 37 + i / 251);
    bytes.mutable_data<std::uint8_t>()[i] = value;
    floats.mutable_data<float>()[i] = static_cast<float>(value);
  }
  Tensor labels({64}, DType::u8);
  for (std::size_t i = 0; i < 64; ++i) {
    labels.mutable_data<std::uint8_t>()[i] = static_cast<std::uint8_t>(i % 10);
  }
  Model one(784, {dense(20), relu(), dense(10), softmax()}, {.seed = 1, .input = scaled});
  Model other(784, {dense(20), relu(), dense(10), softmax()}, {.seed = 1, .input = scaled});
  Trainer from_bytes(one, cross_entropy(), adam(), device());
  Trainer from_floats(other, cross_entropy(), adam(), device());
  from_bytes.fit(bytes, labels, {.epochs = 2});
  from_floats.fit(floats, labels, {.epochs = 2});
  EXPECT_EQ(all_weights(one), all_weights(other));
}

TEST_P(TrainerTest, TheLearningRateCanBeChanged) {
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), sgd({.learning_rate = 0.1F}), device());
  const auto first_weight = [&] { return model.weight("0.weight").data<float>()[0]; };
  const float before = first_weight();
  trainer.set_learning_rate(1e-30F);
  EXPECT_EQ(trainer.learning_rate(), 1e-30F);
  trainer.fit(x, y);
  EXPECT_EQ(first_weight(), before);
  trainer.set_learning_rate(0.1F);
  trainer.fit(x, y);
  EXPECT_NE(first_weight(), before);
  EXPECT_EQ(message_of<InvalidArgument>([&] { trainer.set_learning_rate(-1); }),
            "a learning rate of -1 cannot be set. [MN-U01]\n"
            "  remedy:   give a positive number\n"
            "  effect:   it stays 0.1");
}

TEST_P(TrainerTest, ExplainAndSummarySayWhatRuns) {
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), device());
  EXPECT_NE(trainer.explain(32).find("linear+bias+relu  dense_1"), std::string::npos);
  const std::string summary = trainer.summary(32);
  EXPECT_NE(summary.find("dense_2           3          51"), std::string::npos) << summary;
  EXPECT_NE(summary.find("with batch 32: parameters "), std::string::npos) << summary;
}

INSTANTIATE_TEST_SUITE_P(Devices, TrainerTest, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
