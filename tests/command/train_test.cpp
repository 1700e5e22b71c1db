#include <minnow/minnow.h>

#include <cmath>

#include "expect.h"

namespace minnow::test {
namespace {

TEST(Train, ToySaysWhatTheDocumentsSay) {
  const Place place;
  const auto outcome = run(place, {"train", "--dataset=toy"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  const auto progress = lines_of(outcome.err);
  ASSERT_GE(progress.size(), 8U) << outcome.err;
  EXPECT_EQ(progress[0].rfind("minnow: device=cpu (", 0), 0U) << progress[0];
  EXPECT_TRUE(contains(progress[1], "requested auto, used cpu"));
  EXPECT_TRUE(contains(progress[1], "seed 1"));
  EXPECT_TRUE(contains(outcome.err, "total 121 parameters"));
  EXPECT_TRUE(contains(outcome.err, "epoch 1/2 4 steps "));
  EXPECT_TRUE(contains(outcome.err, "epoch 2/2 4 steps "));
  EXPECT_TRUE(contains(outcome.out, "saved    runs/toy-0001/model.safetensors\n"));
  EXPECT_TRUE(contains(outcome.out, "ran on cpu (8 of 8 steps)"));
  EXPECT_EQ(lines_of(outcome.out).back(), "Training completed successfully.");
  const Model model = load_model(place / "runs/toy-0001/model.safetensors");
  EXPECT_EQ(model.parameter_count(), 121);
}

TEST(Train, RunsAreNumbered) {
  const Place place;
  for (int i = 0; i < 2; ++i) run(place, {"train", "--dataset=toy", "-q"});
  std::filesystem::create_directories(place / "runs/toy-0041");
  run(place, {"train", "--dataset=toy", "-q"});
  EXPECT_TRUE(place.has("runs/toy-0001/model.safetensors"));
  EXPECT_TRUE(place.has("runs/toy-0002/model.safetensors"));
  EXPECT_TRUE(place.has("runs/toy-0042/model.safetensors"));
}

TEST(Train, NothingIsSavedWhenSoAsked) {
  const Place place;
  const auto outcome = run(place, {"train", "--dataset=toy", "--out=none"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_TRUE(contains(outcome.out, "saved    nothing (--out=none)"));
  EXPECT_TRUE(place.empty());
}

TEST(Train, SameSeedSameLosses) {
  const Place place;
  const auto losses = [&](const std::string& seed, const std::string& threads) {
    const auto outcome = run(place, {"train", "--dataset=friedman1", "--epochs=3", "--json",
                                     "--out=none", "--seed=" + seed, "--threads=" + threads});
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    std::string text;
    for (const auto& object : json_of(outcome.out)) {
      if (object.contains("epoch")) text += object["loss"].dump() + " ";
    }
    return text;
  };
  const auto first = losses("7", "1");
  EXPECT_EQ(first, losses("7", "1"));
  EXPECT_EQ(first, losses("7", "2"));
  EXPECT_NE(first, losses("8", "1"));
}

TEST(Train, JsonIsValidLineByLine) {
  const Place place;
  const auto outcome = run(place, {"train", "--dataset=toy", "--json", "--validation-split=0.2"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  const auto objects = json_of(outcome.out);
  ASSERT_EQ(objects.size(), 3U) << outcome.out;
  EXPECT_EQ(objects[0]["epoch"], 1);
  EXPECT_EQ(objects[0]["steps"], 3);  // 80 rows
  for (const char* key : {"seconds", "loss", "loss_se", "val_loss"}) {
    EXPECT_TRUE(objects[1][key].is_number()) << key;
  }
  const auto run = objects[2]["run"];
  EXPECT_EQ(run["steps"], 6);
  EXPECT_EQ(run["device_requested"], "auto");
  EXPECT_EQ(run["device_used"], "cpu");
  EXPECT_EQ(run["seed"], 1);
  EXPECT_EQ(run["train_loss"], objects[1]["loss"]);
  EXPECT_EQ(run["out"], "runs/toy-0001/model.safetensors");
  EXPECT_EQ(run["exit"], 0);
  EXPECT_FALSE(run.contains("test_loss"));
}

TEST(Train, LabelsFromCsvWithATestSet) {
  const Place place;
  std::vector<std::vector<double>> x;
  std::vector<std::vector<double>> y;
  for (int i = 0; i < 120; ++i) {
    x.push_back({std::sin(i) + (i % 2), std::cos(i), 0.1 * (i % 7)});
    y.push_back({static_cast<double>(i % 2)});
  }
  place.write("x.csv", "a,b,c\n" + csv(x));
  place.write("y.csv", csv(y));
  const auto outcome =
      run(place, {"train", "--x=x.csv", "--y=y.csv", "--test-x=x.csv", "--test-y=y.csv",
                  "--layers=8,relu,2,softmax", "--epochs=60", "--lr=0.01", "--standardize",
                  "--json", "--out=model.safetensors"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "3 features, standardized"));
  EXPECT_TRUE(contains(outcome.err, "categorical cross-entropy"));
  const auto run_object = run_of(outcome);
  EXPECT_EQ(run_object["test_rows"], 120);
  EXPECT_GT(run_object["test_accuracy"], 0.7);
  const double p = run_object["test_accuracy"];
  EXPECT_NEAR(run_object["test_accuracy_se"].get<double>(), std::sqrt(p * (1 - p) / 120), 1e-12);
  EXPECT_EQ(load_model(place / "model.safetensors").outputs(), 2);
}

TEST(Train, IntegersInNpyAreLabelsAndBytesAreScaled) {
  const Place place;
  Tensor x(Shape{40, 2, 3}, DType::u8);
  Tensor y(Shape{40}, DType::i64);
  auto pixels = x.mutable_data<std::uint8_t>();
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 37);
  auto labels = y.mutable_data<std::int64_t>();
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i % 3);
  write_npy(place / "x.npy", x);
  write_npy(place / "y.npy", y);
  const auto outcome = run(place, {"train", "--x=x.npy", "--y=y.npy", "--epochs=1"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "2x3 -> 6, scaled by 1/255"));
  const Model model = load_model(place / "runs/x-0001/model.safetensors");
  EXPECT_EQ(model.outputs(), 3);
  ASSERT_EQ(model.options().input.scale.size(), 1U);
  EXPECT_EQ(model.options().input.scale[0], 1.0F / 255.0F);
}

TEST(Train, PatienceEndsEarly) {
  const Place place;
  const auto outcome = run(place, {"train", "--dataset=toy", "--epochs=2000", "--lr=0.05",
                                   "--validation-split=0.3", "--patience=3", "--json"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  const auto run_object = run_of(outcome);
  EXPECT_EQ(run_object["end"], "early stopping");
  EXPECT_LT(run_object["epochs"], 2000);
}

TEST(Train, QuietLeavesTheResults) {
  const Place place;
  const auto outcome = run(place, {"train", "--dataset=toy", "-q"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(contains(outcome.out, "saved "));
}

TEST(Train, ANumberThatBeginsWithZeroIsDecimal) {
  const Place place;
  const auto outcome = run(place, {"train", "--dataset=toy", "--epochs=010", "--json"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(run_of(outcome)["epochs"], 10);
}

}  // namespace
}  // namespace minnow::test
