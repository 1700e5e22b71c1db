// The same bits for any number of threads; several trainers in several threads.

#include <gtest/gtest.h>

#include <thread>

#include "problems.h"

namespace minnow::testing {
namespace {

TEST(ThreadsTest, AnyNumberOfThreadsGivesTheSameBits) {
  const Tensor x = random_tensor({200, 784}, 1);
  const Tensor labels = labels_of(x, 10);
  for (const bool fuse : {true, false}) {
    std::vector<std::vector<float>> results;
    std::vector<double> losses;
    for (const int threads : {1, 2, 3, 5}) {
      Model model(784, {dense(200), relu(), dense(130), relu(), dense(10), softmax()}, {.seed = 1});
      Trainer trainer(model, cross_entropy(), adam(), open("cpu", {.threads = threads}),
                      {.fuse = fuse});
      const History history = trainer.fit(x, labels, {.epochs = 2, .batch_size = 64});
      EXPECT_NE(trainer.explain(64).find(std::to_string(threads) + " of " +
                                         std::to_string(threads) + " threads"),
                std::string::npos)
          << trainer.explain(64);
      results.push_back(all_weights(model));
      losses.push_back(history.epochs[1].train.loss);
    }
    for (std::size_t i = 1; i < results.size(); ++i) {
      EXPECT_EQ(results[i], results[0]);
      EXPECT_EQ(losses[i], losses[0]);
    }
  }
}

TEST(ThreadsTest, AShortStepStaysOnOneThread) {
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), open("cpu", {.threads = 2}));
  EXPECT_NE(trainer.explain(32).find("1 of 2 threads (the step is too short to share)"),
            std::string::npos);
}

TEST(ThreadsTest, TrainersInSeveralThreadsShareADevice) {
  const Tensor x = random_tensor({128, 784}, 1);
  const Tensor y = labels_of(x, 10);
  const Device device = open("cpu", {.threads = 2});
  const auto train = [&](std::vector<float>& weights) {
    Model model = wide_classifier();
    Trainer trainer(model, cross_entropy(), adam(), device);
    trainer.fit(x, y, {.epochs = 5});
    weights = all_weights(model);
  };
  std::vector<float> alone, one, other;
  train(alone);
  {
    std::jthread first(train, std::ref(one));
    std::jthread second(train, std::ref(other));
  }
  EXPECT_EQ(one, alone);
  EXPECT_EQ(other, alone);
}

TEST(ThreadsTest, ADeviceMayBeDroppedBeforeItsTrainer) {
  Model model = wide_classifier();
  auto device = std::make_unique<Device>(open("cpu", {.threads = 2}));
  Trainer trainer(model, cross_entropy(), adam(), *device);
  device.reset();
  const Tensor x = random_tensor({64, 784}, 1);
  EXPECT_NO_THROW(trainer.fit(x, labels_of(x, 10)));
}

}  // namespace
}  // namespace minnow::testing
