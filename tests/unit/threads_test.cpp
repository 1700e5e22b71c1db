// The same bits for any number of threads; several trainers in several threads.

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "machine_of_files.h"
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

// A weight of one output is cut in its own way.
TEST(ThreadsTest, OneOutputGivesTheSameBitsToo) {
  const Tensor x = random_tensor({200, 1003}, 1), y = random_tensor({200, 1}, 2);
  for (const std::vector<LayerPtr>& layers :
       {std::vector{dense(301), relu(), dense(1)},
        std::vector{dense(1), relu(), dense(20001), dense(1)}}) {
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 3, 5}) {
      Model model(1003, layers, {.seed = 1});
      Trainer trainer(model, mse(), adam(), open("cpu", {.threads = threads}));
      trainer.fit(x, y, {.epochs = 2, .batch_size = 64});
      EXPECT_NE(trainer.explain(64).find(std::to_string(threads) + " of " +
                                         std::to_string(threads) + " threads"),
                std::string::npos)
          << trainer.explain(64);
      results.push_back(all_weights(model));
    }
    for (std::size_t i = 1; i < results.size(); ++i) EXPECT_EQ(results[i], results[0]);
  }
}

TEST(ThreadsTest, LargeWeightsGiveTheSameBitsToo) {
  const Tensor x = random_tensor({130, 2070}, 1), y = random_tensor({130, 10}, 2);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    Model model(2070, {dense(2050), relu(), dense(10)}, {.seed = 1});
    Trainer trainer(model, mse(), adam(), open("cpu", {.threads = threads}));
    trainer.fit(x, y, {.batch_size = 70});  // 60 rows in the last batch: not through Eigen
    EXPECT_NE(trainer.explain(70).find("Eigen"), std::string::npos);
    EXPECT_EQ(trainer.explain(60).find("Eigen"), std::string::npos);
    results.push_back(all_weights(model));
  }
  EXPECT_EQ(results[1], results[0]);
  EXPECT_EQ(results[2], results[0]);
}

TEST(ThreadsTest, BatchesOfSeveralBlocksAgreeWithSmallOnes) {
  const Tensor x = random_tensor({1100, 2070}, 1), y = random_tensor({1100, 2050}, 2);
  Model model(2070, {dense(2050), relu()}, {.seed = 1});
  Trainer trainer(model, mse(), adam(), open("cpu"));
  // 1100 rows are three blocks through Eigen; 50 go through the tiles.
  EXPECT_NEAR(trainer.evaluate(x, y, 1100).loss, trainer.evaluate(x, y, 50).loss, 1e-6);
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

using Processors = MachineOfFiles;

std::string description(int threads = 0) {
  return open("cpu", {.threads = threads}).info().description.substr(std::strlen("x86-64-v4, "));
}

TEST_F(Processors, ACgroupsShareIsRespected) {
  file("proc/self/cgroup", "0::/user.slice/job\n");
  file("sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
  file("sys/fs/cgroup/user.slice/cpu.max", "50000 100000\n");  // half a processor
  EXPECT_EQ(description(), "1 thread");
  file("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  const std::string all = description();
  file("sys/fs/cgroup/user.slice/job/cpu.max", "6400000 100000\n");  // more than there are
  EXPECT_EQ(description(), all);
  file("proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/docker/abc\n");
  file("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "-1\n");
  file("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(description(), all);
  file("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "90000\n");
  EXPECT_EQ(description(), "1 thread");
  for (const char* garbage : {"", "90000 1 2", "-", "nan", "1e999"}) {
    file("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", garbage);
    EXPECT_EQ(description(), all) << garbage;
  }
}

TEST_F(Processors, MoreThreadsThanProcessorsAreNoted) {
  file("proc/self/cgroup", "0::/\n");
  file("sys/fs/cgroup/cpu.max", "100000 100000\n");
  EXPECT_EQ(description(3), "3 threads, more than the 1 usable processor");
  EXPECT_EQ(description(1), "1 thread");
}

}  // namespace
}  // namespace minnow::testing
