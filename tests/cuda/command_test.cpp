// The minnow command on a GPU that runs out of memory or dies: what a person sees, what is saved.

#include <minnow/minnow.h>
#include <minnow/random.h>

#include <string>
#include <vector>

#include "expect.h"

namespace minnow::test {
namespace {

class CommandOnGpu : public ::testing::Test {
 protected:
  // Ten classes in 1,437 rows: 15 batches of 100, the last one partial.
  CommandOnGpu() {
    Tensor x({1437, 64});
    Tensor y({1437}, DType::i64);
    auto features = x.mutable_data<float>();
    auto labels = y.mutable_data<std::int64_t>();
    for (std::size_t row = 0; row < labels.size(); ++row) {
      const std::size_t label = row * 7 % 10;
      labels[row] = static_cast<std::int64_t>(label);
      for (std::size_t i = 0; i < 64; ++i) {
        const float noise = to_unit_float(random_words(1, 1, row * 64 + i).word[0]);
        features[row * 64 + i] = noise + (i % 10 == label ? 1.0F : 0.0F);
      }
    }
    write_npy(place / "x.npy", x);
    write_npy(place / "y.npy", y);
  }

  Outcome train(const std::string& faults, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"train", "--x=x.npy", "--y=y.npy", "--json"});
    return run(place, arguments,
               {.environment = {std::string("LD_LIBRARY_PATH=") + MINNOW_FAKES,
                                "FAKE_CUDA=guard=0;cc=80;" + faults}});
  }

  static std::vector<double> losses(const Outcome& outcome) {
    std::vector<double> all;
    for (const auto& object : json_of(outcome.out)) {
      if (object.contains("epoch")) all.push_back(object["loss"]);
    }
    return all;
  }

  static void expect_same(const std::vector<double>& a, const std::vector<double>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-5) << i;
  }

  const Place place;
};

TEST_F(CommandOnGpu, AGpuThatDiesIsReplacedUnderAuto) {
  const auto plain = train("", {"--epochs=2", "--batch=100", "--out=none"});
  ASSERT_EQ(plain.exit, 0) << plain.err;
  EXPECT_EQ(run_of(plain)["device_used"], "cuda:0");
  EXPECT_TRUE(run_of(plain)["fallback"].is_null());

  const auto outcome = train("kernel:gather@18=719!", {"--epochs=2", "--batch=100", "--snapshot=4",
                                                       "--out=kept.safetensors"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "[MN-K01]"), 1U) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "minnow: the GPU stopped working for this process at step "));
  EXPECT_TRUE(contains(outcome.err, "; continuing on the CPU from step "));
  EXPECT_TRUE(contains(outcome.err, "cudaErrorLaunchFailure"));
  EXPECT_TRUE(contains(outcome.err, "nothing else lost"));
  const auto run = run_of(outcome);
  EXPECT_EQ(run["device_requested"], "auto");
  EXPECT_EQ(run["device_used"], "cpu");
  EXPECT_EQ(run["fallback"]["code"], "MN-K01");
  EXPECT_GT(run["fallback"]["step"], 0);
  EXPECT_EQ(run["notices"].size(), 1U);
  EXPECT_GT(run["steps_per_device"]["cuda:0"], 0);
  EXPECT_GT(run["steps_per_device"]["cpu"], 0);
  EXPECT_EQ(run["steps"], 30);
  EXPECT_TRUE(place.has("kept.safetensors"));
  // Epochs since the snapshot are told once more, and are the same.
  auto told = losses(outcome);
  ASSERT_GE(told.size(), 2U);
  expect_same({told.end() - 2, told.end()}, losses(plain));
}

TEST_F(CommandOnGpu, ARequiredGpuThatDiesEndsTheRunWithTheModelSaved) {
  const auto outcome = train("kernel:gather@18=719!", {"--device=cuda", "--epochs=2", "--batch=100",
                                                       "--snapshot=4", "--out=kept.safetensors"});
  expect_failure(outcome, 69, "cuda:0 stopped working for this process while ");
  EXPECT_TRUE(contains(outcome.err, "effect:   the model keeps the weights after step "));
  EXPECT_TRUE(contains(outcome.err, "saved in kept.safetensors"));
  const auto run = run_of(outcome);
  EXPECT_EQ(run["exit"], 69);
  EXPECT_EQ(run["error"]["code"], "MN-K01");
  EXPECT_EQ(run["out"], "kept.safetensors");
  EXPECT_EQ(run["files"], nlohmann::json({"kept.safetensors"}));
  EXPECT_EQ(load_model(place / "kept.safetensors").outputs(), 10);
}

TEST_F(CommandOnGpu, ABatchThatDoesNotFitIsToldWhatWould) {
  const std::vector<std::string> large = {"--device=cuda", "--epochs=2", "--batch=1400",
                                          "--layers=512,relu,10,softmax", "--out=none"};
  const auto with = [&](const std::string& more) {
    auto arguments = large;
    if (more.starts_with("--batch")) arguments[2] = more;
    if (!more.empty()) arguments.push_back(more);
    if (more.starts_with("--batch")) arguments.pop_back();
    return train("mem=9M", arguments);
  };
  const auto refused = with("");
  expect_failure(refused, 75, "this model does not fit on cuda:0 with batch 1400. [MN-M01]");
  EXPECT_TRUE(contains(refused.err, "  remedy:   --microbatch=auto keeps batch 1400 (slices of "));
  EXPECT_TRUE(contains(refused.err, "  effect:   no training step was run"));
  const std::string remedy = run_of(refused)["error"]["remedy"];
  const auto at = remedy.find("--batch=");
  ASSERT_NE(at, std::string::npos) << remedy;
  const std::string fitting = remedy.substr(at, remedy.find(',', at) - at);
  // Each remedy holds.
  EXPECT_EQ(with(fitting).exit, 0) << fitting;
  const auto sliced = with("--microbatch=auto");
  EXPECT_EQ(sliced.exit, 0) << sliced.err;
  EXPECT_GT(run_of(sliced)["microbatch"], 0);
  EXPECT_EQ(run_of(sliced)["batch"], 1400);
  EXPECT_EQ(run_of(sliced)["steps_per_device"]["cuda:0"], 4);
  expect_same(losses(sliced), losses(train("", large)));
  // What was planned is what was held.
  const auto run = run_of(sliced);
  EXPECT_EQ(run["planned_bytes"]["activations"], run["peak_bytes"]["activations"]);
  EXPECT_EQ(run["planned_bytes"]["data"], run["peak_bytes"]["data"]);
}

TEST_F(CommandOnGpu, MemoryThatRunsOutLaterEndsARequiredRunWithTheModelSaved) {
  // From the partial batch's program on, 14 steps into the first epoch.
  const auto outcome = train(
      "cudaMalloc@7+=2", {"--device=cuda", "--epochs=2", "--batch=100", "--out=kept.safetensors"});
  expect_failure(outcome, 75, "not enough memory on cuda:0 for ");
  EXPECT_TRUE(contains(outcome.err, "continuing with micro-batches of "));
  EXPECT_TRUE(contains(outcome.err, "saved in kept.safetensors"));
  EXPECT_GT(run_of(outcome)["steps"], 0);
  EXPECT_EQ(load_model(place / "kept.safetensors").outputs(), 10);
}

TEST_F(CommandOnGpu, AGpuThatCannotBeUsedIsNamedOnce) {
  const auto outcome = train("drv=11000", {"--epochs=1", "--out=none"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_TRUE(contains(outcome.err,
                       "minnow: GPU not used: the NVIDIA driver is too old for this build. "
                       "[MN-D02]\n"));
  EXPECT_EQ(count_of(outcome.err, "[MN-D02]"), 1U) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "  effect:   running on the CPU\n"));
  EXPECT_EQ(run_of(outcome)["fallback"]["code"], "MN-D02");
  EXPECT_EQ(run_of(outcome)["fallback"]["step"], 0);
}

}  // namespace
}  // namespace minnow::test
