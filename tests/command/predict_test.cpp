#include <minnow/minnow.h>

#include <cstdlib>

#include "expect.h"

namespace minnow::test {
namespace {

class Predict : public ::testing::Test {
 protected:
  void SetUp() override {
    Tensor x(Shape{50, 4});
    Tensor y(Shape{50}, DType::i32);
    auto features = x.mutable_data<float>();
    for (std::size_t i = 0; i < features.size(); ++i) {
      features[i] = static_cast<float>(i * 7919 % 100) / 100.0F;
    }
    auto labels = y.mutable_data<std::int32_t>();
    for (std::size_t i = 0; i < labels.size(); ++i) {
      labels[i] = features[4 * i] > 0.5F ? 1 : 0;
    }
    write_npy(place_ / "x.npy", x);
    write_npy(place_ / "y.npy", y);
    const auto outcome = run(place_, {"train", "--x=x.npy", "--y=y.npy", "--epochs=5",
                                      "--layers=8,relu,2,softmax", "--out=m.safetensors", "-q"});
    ASSERT_EQ(outcome.exit, 0) << outcome.err;
    Model model = load_model(place_ / "m.safetensors");
    Trainer trainer(model, cross_entropy(), adam(), open("cpu"));
    expected_ = trainer.predict(x);
  }

  Place place_;
  Tensor expected_;
};

TEST_F(Predict, CsvReadsBackUnchanged) {
  const auto outcome = run(place_, {"predict", "--model=m.safetensors", "--x=x.npy"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const auto lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 50U);
  const auto values = expected_.data<float>();
  for (std::size_t row = 0; row < lines.size(); ++row) {
    char* rest = nullptr;
    EXPECT_EQ(std::strtof(lines[row].c_str(), &rest), values[2 * row]);
    ASSERT_EQ(*rest, ',');
    EXPECT_EQ(std::strtof(rest + 1, &rest), values[2 * row + 1]);
    EXPECT_EQ(*rest, '\0');
  }
}

TEST_F(Predict, Files) {
  for (const std::string name : {"p.npy", "p.csv"}) {
    const auto outcome =
        run(place_, {"predict", "--model=m.safetensors", "--x=x.npy", "--out=" + name});
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    const Tensor got = name == "p.npy" ? read_npy(place_ / name) : read_csv(place_ / name);
    ASSERT_EQ(got.shape(), expected_.shape());
    for (std::size_t i = 0; i < got.data<float>().size(); ++i) {
      EXPECT_EQ(got.data<float>()[i], expected_.data<float>()[i]);
    }
  }
}

TEST_F(Predict, OneRowAndItsClass) {
  const auto outcome =
      run(place_, {"predict", "--model=m.safetensors", "--x=x.npy", "--row=7", "--argmax"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  const auto values = expected_.data<float>();
  EXPECT_EQ(outcome.out, values[15] > values[14] ? "1\n" : "0\n");
}

TEST_F(Predict, RowPastTheEnd) {
  expect_failure(run(place_, {"predict", "--model=m.safetensors", "--x=x.npy", "--row=50"}), 64,
                 "--row=50 is past the end of x.npy.");
}

TEST_F(Predict, WrongNumberOfFeatures) {
  place_.write("three.csv", "1,2,3\n");
  const auto outcome = run(place_, {"predict", "--model=m.safetensors", "--x=three.csv"});
  EXPECT_EQ(outcome.exit, 65) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "4"));
  EXPECT_TRUE(contains(outcome.err, "3"));
  EXPECT_EQ(outcome.out, "");
}

TEST_F(Predict, DamagedModel) {
  std::string bytes = place_.read("m.safetensors");
  bytes.resize(bytes.size() - 5);
  place_.write("cut.safetensors", bytes);
  expect_failure(run(place_, {"predict", "--model=cut.safetensors", "--x=x.npy"}), 65,
                 "cut.safetensors is damaged");
  expect_failure(run(place_, {"predict", "--model=none.safetensors", "--x=x.npy"}), 74,
                 "none.safetensors cannot be opened.");
}

TEST_F(Predict, UnknownTypes) {
  place_.write("x.txt", "1\n");
  expect_failure(run(place_, {"predict", "--model=m.safetensors", "--x=x.txt"}), 64,
                 "--x=x.txt is of no type that minnow reads.");
  expect_failure(run(place_, {"predict", "--model=m.safetensors", "--x=x.npy", "--out=p.parquet"}),
                 64, "--out=p.parquet is of no type that minnow writes.");
}

TEST_F(Predict, SummaryOfTheModel) {
  const auto outcome = run(place_, {"summary", "--model=m.safetensors", "--batch=16"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "dense_1"));
  EXPECT_TRUE(contains(outcome.out, "softmax"));
  const auto json = run(place_, {"summary", "--model=m.safetensors", "--json"});
  const auto objects = json_of(json.out);
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_EQ(objects[0]["summary"]["parameters"], 4 * 8 + 8 + 8 * 2 + 2);
  EXPECT_EQ(objects[0]["summary"]["layers"].size(), 4U);
}

TEST(Summary, OfADataSetTrainsNothing) {
  const Place place;
  const auto outcome = run(place, {"summary", "--dataset=toy", "--layers=20,relu,1", "--batch=8"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "inputs 10, parameters 241"));
  EXPECT_TRUE(contains(outcome.out, "memory on cpu with batch 8: parameters "));
  EXPECT_TRUE(place.empty());
}

}  // namespace
}  // namespace minnow::test
