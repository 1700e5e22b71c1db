// fit(): validation, callbacks, early stopping, cancellation.

#include "problems.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "devices.h"

namespace minnow::testing {
namespace {

class FitTest : public OnDevice {
 protected:
  const Tensor x = random_tensor({100, 10}, 1);
  const Tensor y = labels_of(x, 3);
  Model model = small_classifier();
};

TEST_P(FitTest, TheValidationSplitIsTheLastRows) {
  Model other = small_classifier();
  Trainer by_split(model, cross_entropy(), adam(), device());
  Trainer by_hand(other, cross_entropy(), adam(), device());
  const History a = by_split.fit(x, y, {.epochs = 2, .validation_split = 0.255});
  const History b =
      by_hand.fit(x.rows(0, 74), y.rows(0, 74),  // floor(100 * 0.745)
                  {.epochs = 2, .validation_x = x.rows(74, 100), .validation_y = y.rows(74, 100)});
  EXPECT_EQ(all_weights(model), all_weights(other));
  ASSERT_TRUE(a.epochs[1].validation && b.epochs[1].validation);
  EXPECT_EQ(a.epochs[1].validation->rows, 26);
  EXPECT_EQ(a.epochs[1].validation->loss, b.epochs[1].validation->loss);
  EXPECT_EQ(by_split.evaluate(x.rows(74, 100), y.rows(74, 100)).loss, a.epochs[1].validation->loss);
  EXPECT_FALSE(by_hand.fit(x, y).epochs[0].validation.has_value());
}

TEST_P(FitTest, CallbacksSeeEveryBatchAndEpoch) {
  Trainer trainer(model, cross_entropy(), adam(), device());
  std::vector<std::int64_t> batches, epochs;
  double last_loss = 0;
  const History history = trainer.fit(
      x, y,
      {.epochs = 2,
       .batch_size = 32,
       .on_batch_end =
           [&](const BatchResult& result) {
             batches.push_back(result.epoch * 100 + result.batch);
             EXPECT_EQ(result.batches, 4);
             last_loss = result.loss;
           },
       .on_epoch_end = [&](const EpochResult& result) { epochs.push_back(result.epoch); }});
  EXPECT_EQ(batches, (std::vector<std::int64_t>{101, 102, 103, 104, 201, 202, 203, 204}));
  EXPECT_EQ(epochs, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(last_loss, history.epochs[1].train.loss);
  EXPECT_EQ(history.steps, 8);
  EXPECT_EQ(history.end, FitEnd::completed);
  EXPECT_GT(history.epochs[1].train.loss_error, 0);
}

TEST_P(FitTest, EarlyStoppingRestoresTheBestWeights) {
  // The validation labels are wrong on purpose: its loss rises while the training loss falls.
  const Tensor wrong = labels_of(random_tensor({40, 10}, 77), 3);
  Trainer trainer(model, cross_entropy(), adam({.learning_rate = 0.02F}), device());
  std::vector<std::vector<float>> after_epoch;
  const History history =
      trainer.fit(x, y,
                  {.epochs = 100,
                   .validation_x = random_tensor({40, 10}, 78),
                   .validation_y = wrong,
                   .early_stopping = EarlyStopping{.patience = 3},
                   .on_epoch_end = [&](auto&) { after_epoch.push_back(all_weights(model)); }});
  EXPECT_EQ(history.end, FitEnd::early_stopping);
  ASSERT_GT(history.best_epoch, 0);
  EXPECT_EQ(static_cast<std::int64_t>(history.epochs.size()), history.best_epoch + 4);
  EXPECT_EQ(all_weights(model), after_epoch[static_cast<std::size_t>(history.best_epoch - 1)]);
  // The device has them too, and not only the model.
  EXPECT_EQ(trainer.evaluate(random_tensor({40, 10}, 78), wrong).loss,
            history.epochs[static_cast<std::size_t>(history.best_epoch - 1)].validation->loss);
}

TEST_P(FitTest, EarlyStoppingCanKeepTheLastWeights) {
  Trainer trainer(model, cross_entropy(), adam({.learning_rate = 0.02F}), device());
  std::vector<float> last;
  const History history =
      trainer.fit(x, y,
                  {.epochs = 100,
                   .validation_x = random_tensor({40, 10}, 78),
                   .validation_y = labels_of(random_tensor({40, 10}, 77), 3),
                   .early_stopping = EarlyStopping{.patience = 0, .restore_best_weights = false},
                   .on_epoch_end = [&](auto&) { last = all_weights(model); }});
  EXPECT_EQ(history.end, FitEnd::early_stopping);
  EXPECT_EQ(all_weights(model), last);
}

TEST_P(FitTest, AnotherThreadCanStopIt) {
  Trainer trainer(model, cross_entropy(), adam(), device());
  std::stop_source source;
  std::atomic<bool> started = false;
  std::jthread other([&] {
    while (!started) std::this_thread::yield();
    source.request_stop();
  });
  const History history = trainer.fit(x, y,
                                      {.epochs = std::int64_t{1} << 40,
                                       .on_epoch_end = [&](auto&) { started = true; },
                                       .stop = source.get_token()});
  EXPECT_EQ(history.end, FitEnd::stopped);
  EXPECT_GE(history.epochs.size(), 1U);
  EXPECT_EQ(history.steps, trainer.steps());
  EXPECT_LT(trainer.evaluate(x, y).loss, 2.0);  // the weights are usable
}

TEST_P(FitTest, AStopFromACallbackEndsAfterThatBatch) {
  Trainer trainer(model, cross_entropy(), adam(), device());
  std::stop_source source;
  const History history = trainer.fit(x, y,
                                      {.epochs = 5,
                                       .batch_size = 10,
                                       .on_batch_end =
                                           [&](const BatchResult& result) {
                                             if (result.batch == 3) source.request_stop();
                                           },
                                       .stop = source.get_token()});
  EXPECT_EQ(history.end, FitEnd::stopped);
  EXPECT_EQ(history.steps, 3);
  EXPECT_TRUE(history.epochs.empty());
}

TEST_P(FitTest, AnExceptionFromACallbackPassesThrough) {
  Trainer trainer(model, cross_entropy(), adam(), device());
  EXPECT_THROW(trainer.fit(x, y, {.on_batch_end = [](auto&) { throw 5; }}), int);
  EXPECT_EQ(trainer.steps(), 1);
  trainer.fit(x, y);  // and the trainer still works
}

TEST_P(FitTest, ABatchLargerThanTheDataIsAllTheData) {
  Trainer trainer(model, cross_entropy(), adam(), device());
  EXPECT_EQ(trainer.fit(x, y, {.epochs = 2, .batch_size = 5000}).steps, 2);
}

INSTANTIATE_TEST_SUITE_P(Devices, FitTest, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
