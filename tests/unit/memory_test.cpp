// What a device may take, holds and was refused: the machine's files, limits, plans.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "counting_new.h"
#include "machine_of_files.h"
#include "problems.h"

namespace minnow::testing {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kGiB = std::int64_t{1} << 30;

class Machine : public MachineOfFiles {
 protected:
  void memory_info(std::int64_t available, std::int64_t swap = 0) const {
    file("proc/meminfo",
         "MemTotal:       33554432 kB\nMemFree:         1048576 kB\nMemAvailable:   " +
             std::to_string(available / 1024) + " kB\nSwapTotal: 67108864 kB\n" +
             "SwapFree:  " + std::to_string(swap / 1024) + " kB\n");
  }
  void version_2(const std::string& path, const std::string& limit, std::int64_t usage,
                 std::int64_t cached) const {
    const std::string place = "sys/fs/cgroup" + path + "/";
    file(place + "memory.max", limit + "\n");
    file(place + "memory.current", std::to_string(usage) + "\n");
    file(place + "memory.stat", "anon 1\nfile 2\ninactive_anon 3\ninactive_file " +
                                    std::to_string(cached) + "\nactive_file 5\n");
  }
  static void expect_free(std::int64_t free, const std::string& evidence) {
    const MemoryState state = open("cpu", {.threads = 1}).memory();
    EXPECT_EQ(state.free, free);
    EXPECT_EQ(state.evidence, evidence);
  }
};

TEST_F(Machine, WithoutFilesNothingIsKnown) {
  const MemoryState state = open("cpu").memory();
  EXPECT_EQ(state.total, -1);
  EXPECT_EQ(state.free, -1);
  EXPECT_EQ(state.evidence, "");
}

TEST_F(Machine, SaysWhatIsAvailable) {
  memory_info(24 * kGiB);
  EXPECT_EQ(open("cpu").memory().total, 32 * kGiB);
  expect_free(24 * kGiB, "MemAvailable 24.0 GiB");
}

TEST_F(Machine, FindsTheTightestLevelOfCgroupVersion2) {
  memory_info(24 * kGiB);
  file("proc/self/cgroup", "0::/user.slice/job/step\n");
  version_2("", "max", 9 * kGiB, kGiB);
  version_2("/user.slice", std::to_string(20 * kGiB), 12 * kGiB, kGiB);
  version_2("/user.slice/job", std::to_string(8 * kGiB), 3 * kGiB, 2 * kGiB);
  version_2("/user.slice/job/step", "max", 2 * kGiB, kGiB);
  expect_free(7 * kGiB, "cgroup limit 8.00 GiB, of it 1.00 GiB used");
  version_2("/user.slice", std::to_string(12 * kGiB), 12 * kGiB, kGiB);
  expect_free(kGiB, "cgroup limit 12.0 GiB, of it 11.0 GiB used");
  memory_info(512 * kMiB);
  expect_free(512 * kMiB, "MemAvailable 512.0 MiB");
}

TEST_F(Machine, ReadsThePartOfTheTreeThatAContainerSees) {
  memory_info(24 * kGiB);
  version_2("", std::to_string(2 * kGiB), kGiB, 0);
  const std::string mount =
      "36 31 0:30 / /proc rw - proc proc rw\n"
      "35 31 0:29 /docker/abc /sys/fs/cgroup ro,nosuid shared:9 - cgroup2 cgroup rw\n";
  file("proc/self/mountinfo", mount);
  for (const char* group : {"0::/docker/abc\n", "0::/\n", "0::/../def\n", "0::/other\n"}) {
    file("proc/self/cgroup", group);
    expect_free(kGiB, "cgroup limit 2.00 GiB, of it 1.00 GiB used");
  }
}

TEST_F(Machine, ReadsCgroupVersion1BesideVersion2) {
  memory_info(24 * kGiB);
  file("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/jobs/7\n0::/\n");
  file("proc/self/mountinfo",
       "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
       "35 31 0:32 / /cg/mem rw,relatime - cgroup cgroup rw,memory\n"
       "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
  file("cg/mem/memory.limit_in_bytes", "9223372036854771712\n");
  file("cg/mem/memory.usage_in_bytes", "1000\n");
  file("cg/mem/jobs/7/memory.limit_in_bytes", std::to_string(4 * kGiB) + "\n");
  file("cg/mem/jobs/7/memory.usage_in_bytes", std::to_string(3 * kGiB) + "\n");
  file("cg/mem/jobs/7/memory.stat",
       "inactive_file 7\ntotal_inactive_file " + std::to_string(kGiB) + "\n");
  expect_free(2 * kGiB, "cgroup limit 4.00 GiB, of it 2.00 GiB used");
  file("cg/mem/jobs/7/memory.usage_in_bytes", std::to_string(6 * kGiB) + "\n");
  expect_free(0, "cgroup limit 4.00 GiB, of it 5.00 GiB used");
}

TEST_F(Machine, WhatCannotBeUnderstoodDoesNotCount) {
  memory_info(24 * kGiB);
  file("proc/self/cgroup", "0::/job\n");
  const std::string all(100000, 'x');
  for (const std::string& garbage :
       {std::string(), std::string("\n"), std::string("-1\n"), std::string("max max\n"),
        std::string("99999999999999999999999\n"), std::string("1e9\n"), std::string(" :: \n::\n"),
        std::string("0::"), std::string("\0\0\0", 3), all}) {
    for (const char* path : {"sys/fs/cgroup/job/memory.max", "sys/fs/cgroup/job/memory.current",
                             "proc/self/mountinfo", "proc/self/cgroup", "proc/self/statm"}) {
      version_2("/job", std::to_string(kGiB), 0, 0);
      file("proc/self/cgroup", "0::/job\n");
      file("proc/self/mountinfo", "");
      file("proc/self/statm", "");
      file(path, garbage);
      const MemoryState state = open("cpu", {.threads = 1}).memory();
      EXPECT_TRUE(state.free == 24 * kGiB || state.free == kGiB) << path << ": " << garbage;
    }
    file("proc/meminfo", garbage);
    file("proc/self/cgroup", garbage);
    EXPECT_EQ(open("cpu", {.threads = 1}).memory().free, -1) << garbage;
    memory_info(24 * kGiB);
  }
}

TEST_F(Machine, ObeysTheProcesssOwnLimits) {
  for (const auto& [resource, evidence] :
       {std::pair(RLIMIT_AS, "address space limit (ulimit -v) 1024.0 TiB, of it 1.00 GiB used"),
        std::pair(RLIMIT_DATA, "data size limit (ulimit -d) 1024.0 TiB, of it 2.00 GiB used")}) {
    rlimit old{};
    ASSERT_EQ(getrlimit(resource, &old), 0);
    const rlimit tight{.rlim_cur = rlim_t{1} << 50, .rlim_max = old.rlim_max};
    if (old.rlim_cur < tight.rlim_cur) GTEST_SKIP() << "this process is limited already";
    const std::int64_t pages = kGiB / sysconf(_SC_PAGESIZE);
    file("proc/self/statm",
         std::to_string(pages) + " 1 1 1 0 " + std::to_string(2 * pages) + " 0\n");
    ASSERT_EQ(setrlimit(resource, &tight), 0);
    const MemoryState state = open("cpu", {.threads = 1}).memory();
    ASSERT_EQ(setrlimit(resource, &old), 0);
    EXPECT_EQ(state.evidence, evidence);
    EXPECT_GT(state.free, (std::int64_t{1} << 50) - 3 * kGiB);
  }
}

TEST_F(Machine, RefusesWhatItCannotBack) {
  memory_info(100 * kMiB);
  EXPECT_EQ(message_of<ResourceExhausted>([] { Tensor({200 * kMiB}, DType::u8); }),
            "not enough host memory for a tensor. [MN-M08]\n"
            "  evidence: shape (209715200,), u8: needs 200.0 MiB; available 100.0 MiB "
            "(MemAvailable 100.0 MiB)\n"
            "  remedy:   give a smaller batch or model, or less data at a time\n"
            "  effect:   nothing was allocated");
  memory_info(100 * kMiB, 150 * kMiB);
  EXPECT_NO_THROW(Tensor({200 * kMiB}, DType::u8));  // it swaps
  const std::string large = (root_ / "large.npy").string();
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (209715072,), }";
  header.resize(118, ' ');
  file("large.npy", std::string("\x93NUMPY\1\0\x76\0", 10) + header);
  std::filesystem::resize_file(large, static_cast<std::uintmax_t>(200 * kMiB));
  memory_info(100 * kMiB);
  EXPECT_NE(
      message_of<ResourceExhausted>([&] { read_npy(large); })
          .find("not enough host memory for reading " + large +
                ". [MN-M08]\n  evidence: needs 200.0 MiB; available 100.0 MiB (MemAvailable "),
      std::string::npos);
  memory_info(10 * kMiB);
  Model model(1024, {dense(1024), relu(), dense(1)});
  EXPECT_NE(
      message_of<ResourceExhausted>([&] { Trainer(model, mse(), adam(), open("cpu")).explain(1); })
          .find("not enough host memory for the parameters, gradients and optimizer state. "
                "[MN-M08]\n  evidence: needs 16.0 MiB"),
      std::string::npos);
  memory_info(40 * kMiB);
  Trainer trainer(model, mse(), adam(), open("cpu"));
  EXPECT_NE(message_of<ResourceExhausted>([&] {
              trainer.explain(20000);
            }).find("not enough host memory for a program of 20000 rows. [MN-M08]\n"),
            std::string::npos);
  EXPECT_NO_THROW(trainer.explain(32));
}

TEST(MemoryTest, ThisMachineIsKnown) {
  const MemoryState state = open("cpu").memory();
  EXPECT_GT(state.total, 0);
  EXPECT_GT(state.free, 0);
  EXPECT_LE(state.free, state.total);
  EXPECT_NE(state.evidence, "");
}

TEST(MemoryTest, ThePlanIsWhatIsTaken) {
  for (const std::int64_t hidden : {1, 16, 200, 515}) {
    for (const std::int64_t outputs : {1, 10}) {
      for (const std::int64_t batch : {1, 32, 1000}) {
        const bool classes = outputs > 1;
        std::vector<LayerPtr> layers{dense(hidden), relu(), dense(hidden), relu(), dense(outputs)};
        if (classes) layers.push_back(softmax());
        Model model(784, layers);
        const Device device = open("cpu");
        const std::int64_t before = block_bytes();
        Trainer trainer(model, classes ? cross_entropy() : mse(), adam(), device);
        trainer.explain(batch);
        const MemoryPlan plan = trainer.memory_plan(batch);
        EXPECT_EQ(device.memory().held.str(), plan.str());
        EXPECT_EQ(device.memory().held.total(), plan.total());
        EXPECT_EQ(block_bytes() - before, plan.total()) << hidden << ", " << batch;
      }
    }
  }
}

TEST(MemoryTest, HeldGoesWithItsOwnersAndThePeakStays) {
  const Device device = open("cpu");
  MemoryPlan first;
  {
    Model model = wide_classifier();
    Trainer trainer(model, cross_entropy(), adam(), device);
    trainer.explain(64);
    first = device.memory().held;
    EXPECT_EQ(first.total(), trainer.memory_plan(64).total());
    EXPECT_EQ(device.memory().peak.total(), first.total());
  }
  EXPECT_EQ(device.memory().held.total(), 0);
  EXPECT_EQ(device.memory().peak.total(), first.total());
  EXPECT_EQ(device.memory().peak.optimizer, first.optimizer);
}

TEST(MemoryTest, ALimitRefusesAndLeavesTheRestToOthers) {
  const Device device = open("cpu", {.memory_limit = kMiB});
  EXPECT_EQ(device.memory().free, kMiB);
  EXPECT_EQ(device.memory().evidence, "memory limit 1.00 MiB, of it 0 B used");
  Model wide = wide_classifier();
  EXPECT_EQ(message_of<ResourceExhausted>(
                [&] { Trainer(wide, cross_entropy(), adam(), device).explain(1); }),
            "the memory limit of cpu is too small for the parameters, gradients and optimizer "
            "state. [MN-M03]\n"
            "  evidence: needs 2.54 MiB; limit 1.00 MiB, of it 1.00 MiB free\n"
            "  remedy:   raise the limit, or give a smaller batch or model\n"
            "  effect:   nothing was allocated");
  EXPECT_EQ(device.memory().held.total(), 0);
  Model small = small_classifier();
  Trainer trainer(small, cross_entropy(), adam(), device);
  const Tensor x = random_tensor({64, 10}, 1);
  trainer.fit(x, labels_of(x, 3));
  const MemoryState state = device.memory();
  EXPECT_GT(state.held.total(), 0);
  EXPECT_EQ(state.free, kMiB - state.held.total());
  const auto weights = all_weights(small);
  EXPECT_THROW(trainer.explain(1 << 20), ResourceExhausted);
  EXPECT_EQ(all_weights(small), weights);
  // Another device has a budget of its own.
  EXPECT_NO_THROW(
      Trainer(wide, cross_entropy(), adam(), open("cpu", {.memory_limit = 3 * kMiB})).explain(1));
}

}  // namespace
}  // namespace minnow::testing
