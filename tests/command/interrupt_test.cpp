#include <minnow/minnow.h>

#include <csignal>

#include "expect.h"

namespace minnow::test {
namespace {

// Long enough that a signal always arrives while it trains.
const std::vector<std::string> kLongRun = {"train", "--dataset=friedman1", "--layers=128,relu,1",
                                           "--epochs=1000000", "--json"};

class Interrupted : public ::testing::TestWithParam<int> {};

TEST_P(Interrupted, SavesTheModelAndExits130) {
  const Place place;
  Process process(place, kLongRun, {});
  process.wait_for_lines(2);
  process.send(GetParam());
  const auto outcome = process.finish();
  EXPECT_EQ(outcome.exit, 130) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "minnow: interrupted at epoch "));
  EXPECT_TRUE(contains(outcome.err,
                       "effect:   runs/friedman1-0001/model.safetensors holds the weights after "
                       "step "));
  const auto run_object = run_of(outcome);
  EXPECT_EQ(run_object["exit"], 130);
  EXPECT_EQ(run_object["end"], "interrupted");
  EXPECT_GT(run_object["steps"], 200);
  const Model model = load_model(place / "runs/friedman1-0001/model.safetensors");
  EXPECT_EQ(model.parameter_count(), 10 * 128 + 128 + 128 + 1);
}

INSTANTIATE_TEST_SUITE_P(Signals, Interrupted, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST(Interrupted, TwiceAtOnce) {
  const Place place;
  Process process(place, kLongRun, {});
  process.wait_for_lines(1);
  process.send(SIGINT);
  process.send(SIGTERM);
  EXPECT_EQ(process.finish().exit, 130);
}

TEST(Interrupted, WithoutAPlaceNothingIsSaved) {
  const Place place;
  auto arguments = kLongRun;
  arguments.push_back("--out=none");
  Process process(place, arguments, {});
  process.wait_for_lines(1);
  process.send(SIGINT);
  const auto outcome = process.finish();
  EXPECT_EQ(outcome.exit, 130);
  EXPECT_TRUE(contains(outcome.err, "nothing was saved (--out=none)"));
  EXPECT_TRUE(place.empty());
}

TEST(LossNotFinite, LastGoodWeightsAreSaved) {
  const Place place;
  const auto outcome =
      run(place, {"train", "--dataset=friedman1", "--optimizer=sgd", "--lr=1e6", "--batch=500",
                  "--layers=1", "--epochs=50", "--json", "--out=good.safetensors"});
  EXPECT_EQ(outcome.exit, 65) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "[MN-N05]"));
  EXPECT_TRUE(contains(outcome.err, "effect:   weights are those after step "));
  EXPECT_TRUE(contains(outcome.err, ", the last good ones; saved in good.safetensors"));
  const auto run_object = run_of(outcome);
  EXPECT_EQ(run_object["exit"], 65);
  EXPECT_EQ(run_object["error"]["code"], "MN-N05");
  EXPECT_EQ(run_object["out"], "good.safetensors");
  EXPECT_GT(run_object["steps"], 0);
  // load_model() refuses values that are not finite.
  EXPECT_EQ(load_model(place / "good.safetensors").parameter_count(), 11);
}

}  // namespace
}  // namespace minnow::test
