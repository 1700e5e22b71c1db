// --loss, and what it makes of --y: numbers, classes, or yes and no.

#include <minnow/minnow.h>

#include <cmath>

#include "expect.h"
#include "terminal/exit_codes.h"
#include "train/targets.h"

namespace minnow::test {
namespace {

constexpr std::size_t kRows = 400;

// Points in a square; 1 where both coordinates have the same sign, which no plane tells apart.
double coordinate(std::size_t row, std::size_t axis) {
  return std::sin(1.0 + (axis == 0 ? 12.9898 : 78.233) * static_cast<double>(row));
}
int same_sign(std::size_t row) { return coordinate(row, 0) * coordinate(row, 1) > 0.0 ? 1 : 0; }

void write_points(const Place& place) {
  Tensor x(Shape{kRows, 2});
  std::string labels;
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t axis = 0; axis < 2; ++axis) {
      x.mutable_data<float>()[2 * row + axis] = static_cast<float>(coordinate(row, axis));
    }
    labels += same_sign(row) == 1 ? "1\n" : "0\n";
  }
  write_npy(place / "x.npy", x);
  place.write("y.csv", labels);
}

template <class T>
void write_labels(const Place& place, const std::string& name, DType dtype, int first = 0) {
  Tensor y(Shape{kRows}, dtype);
  for (std::size_t row = 0; row < kRows; ++row) {
    y.mutable_data<T>()[row] = static_cast<T>(first + same_sign(row));
  }
  write_npy(place / name, y);
}

std::vector<std::string> binary(const std::string& y, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"train",       "--x=x.npy",
                                        "--y=" + y,    "--lr=0.02",
                                        "--epochs=60", "--layers=16,tanh,1,sigmoid",
                                        "--json",      "--out=m.safetensors"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(BinaryClassification, FromLabelsOfEveryKindToClasses) {
  const Place place;
  write_points(place);
  write_labels<std::int32_t>(place, "y_i4.npy", DType::i32);
  write_labels<std::int64_t>(place, "y_i8.npy", DType::i64);
  write_labels<std::uint8_t>(place, "y_u1.npy", DType::u8);
  write_labels<float>(place, "y_f4.npy", DType::f32);
  // What numpy writes for a bool is a byte under another name.
  std::string bools = place.read("y_u1.npy");
  bools.replace(bools.find("|u1"), 3, "|b1");
  place.write("y_b1.npy", bools);
  for (const std::string y :
       {"y.csv", "y_i4.npy", "y_i8.npy", "y_u1.npy", "y_f4.npy", "y_b1.npy"}) {
    SCOPED_TRACE(y);
    const auto outcome = run(place, binary(y, {"--test-x=x.npy", "--test-y=" + y}));
    ASSERT_EQ(outcome.exit, 0) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, "binary cross-entropy"));
    const auto result = run_of(outcome);
    EXPECT_EQ(result["loss"], "binary cross-entropy");
    EXPECT_GT(result["test_accuracy"], 0.95);
    EXPECT_FALSE(result.contains("test_rmse"));
    const double told = result["test_accuracy"];

    const auto numbers = run(place, {"predict", "--model=m.safetensors", "--x=x.npy"});
    const auto classes = run(place, {"predict", "--model=m.safetensors", "--x=x.npy", "--argmax"});
    EXPECT_EQ(classes.exit, 0) << classes.err;
    const auto probabilities = lines_of(numbers.out);
    const auto labels = lines_of(classes.out);
    ASSERT_EQ(probabilities.size(), kRows);
    ASSERT_EQ(labels.size(), kRows);
    std::size_t right = 0;
    for (std::size_t row = 0; row < kRows; ++row) {
      const double p = std::stod(probabilities[row]);
      EXPECT_GE(p, 0.0);
      EXPECT_LE(p, 1.0);
      EXPECT_EQ(labels[row], p > 0.5 ? "1" : "0");
      if (labels[row] == std::to_string(same_sign(row))) ++right;
    }
    EXPECT_NEAR(static_cast<double>(right) / kRows, told, 1e-9);
  }
}

TEST(BinaryClassification, ADataSetOfTwoClassesByName) {
  command::Inputs inputs{.name = "coins",
                         .x = Tensor({2, 3}),
                         .y = Tensor({2}, DType::i32),
                         .classes = 2,
                         .outputs = 2};
  for (const std::string layers : {"4,tanh,1,sigmoid", "4,tanh,2,softmax"}) {
    const auto task = command::decide_task({.layers = layers}, inputs);
    EXPECT_EQ(task.architecture.text, layers);
    EXPECT_TRUE(task.loss.text.ends_with(" cross-entropy"));
    EXPECT_EQ(inputs.y.dtype(), DType::i32);
  }
  const auto refused = [&](const command::TrainingArguments& arguments) {
    try {
      command::decide_task(arguments, inputs);
    } catch (const command::UsageError& error) {
      return std::string(error.what());
    }
    return std::string("not refused");
  };
  std::string text = refused({.layers = "4,tanh,2,softmax", .loss = "mse"});
  EXPECT_TRUE(contains(text, "--loss=mse does not suit coins, which holds classes. [MN-U01]"));
  EXPECT_TRUE(contains(text, "remedy:   --loss=auto"));
  text = refused({.layers = "4,tanh,2,sigmoid"});
  EXPECT_TRUE(contains(text, "evidence: 1 column of targets: the end is 1,sigmoid"));
  EXPECT_TRUE(contains(text, "remedy:   --layers=4,tanh,1,sigmoid"));
  inputs.classes = inputs.outputs = 3;
  text = refused({.layers = "4,tanh,1,sigmoid"});
  EXPECT_TRUE(contains(text, "evidence: a classification with 3 classes: the end is 3,softmax"));
  EXPECT_TRUE(contains(text, "remedy:   --layers=4,tanh,3,softmax"));
}

TEST(BinaryClassification, SeveralLabelsOfARow) {
  const Place place;
  write_points(place);
  std::string y;
  for (std::size_t row = 0; row < kRows; ++row) {
    y += std::to_string(same_sign(row)) + (coordinate(row, 0) > 0.0 ? ",1" : ",0") +
         (coordinate(row, 1) > 0.3 ? ",1\n" : ",0\n");
  }
  place.write("y.csv", y);
  const auto outcome = run(
      place, {"train", "--x=x.npy", "--y=y.csv", "--layers=24,tanh,3,sigmoid", "--lr=0.02",
              "--epochs=80", "--test-x=x.npy", "--test-y=y.csv", "--json", "--out=m.safetensors"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(run_of(outcome)["loss"], "binary cross-entropy");
  EXPECT_GT(run_of(outcome)["test_accuracy"], 0.9);  // of rows with all three right
  const auto numbers = run(place, {"predict", "--model=m.safetensors", "--x=x.npy", "--row=0"});
  EXPECT_EQ(count_of(numbers.out, ","), 2U) << numbers.out;
  const auto refused = run(place, {"predict", "--model=m.safetensors", "--x=x.npy", "--argmax"});
  expect_failure(refused, 64, "--argmax: m.safetensors does not tell classes apart. [MN-U01]");
  EXPECT_TRUE(contains(refused.err, "3 sigmoids, labels that do not exclude each other"));
  EXPECT_EQ(refused.out, "");

  y.replace(y.find('\n') + 1, 1, "2");
  place.write("y2.csv", y);
  const auto two = run(place, {"train", "--x=x.npy", "--y=y2.csv", "--layers=24,tanh,3,sigmoid"});
  expect_failure(two, 65, "label 2 at row 1, column 0 of --y is neither 0 nor 1. [MN-N01]");
  EXPECT_TRUE(contains(two.err, "each column is a label of its own"));
}

TEST(BinaryClassification, ArgmaxOfARegressionIsRefused) {
  const Place place;
  write_points(place);
  place.write("values.csv", [] {
    std::string text;
    for (std::size_t row = 0; row < kRows; ++row) {
      text += std::to_string(coordinate(row, 0)) + "," + std::to_string(coordinate(row, 1)) + "\n";
    }
    return text;
  }());
  for (const std::string y : {"y.csv", "values.csv"}) {
    ASSERT_EQ(
        run(place, {"train", "--x=x.npy", "--y=" + y, "--epochs=1", "--out=m.safetensors"}).exit,
        0);
    const auto refused = run(place, {"predict", "--model=m.safetensors", "--x=x.npy", "--argmax"});
    expect_failure(refused, 64, "--argmax: m.safetensors does not tell classes apart. [MN-U01]");
    EXPECT_TRUE(
        contains(refused.err, y == "y.csv" ? "its output is a value" : "its outputs are values"));
    EXPECT_TRUE(contains(refused.err, "remedy:   its outputs as they are, without --argmax"));
    EXPECT_EQ(refused.out, "");
  }
}

TEST(BinaryClassification, LabelsThatAreNeither0Nor1AreNamed) {
  const Place place;
  write_points(place);
  write_labels<std::int32_t>(place, "y_12.npy", DType::i32, 1);
  std::string text;
  for (std::size_t row = 0; row < kRows; ++row) text += row == 7 ? "-1\n" : "1\n";
  place.write("minus.csv", text);
  std::size_t first_two = 0;
  while (same_sign(first_two) == 0) ++first_two;
  const auto expect = [&](const std::vector<std::string>& arguments, const std::string& message) {
    const auto outcome = run(place, arguments);
    expect_failure(outcome, 65, message);
    EXPECT_TRUE(contains(outcome.err, "evidence: the model ends in one sigmoid"));
    EXPECT_TRUE(contains(outcome.err, "write 0 and 1 (or a probability)"));
    EXPECT_TRUE(contains(outcome.err, "effect:   no training step was run"));
    EXPECT_FALSE(place.has("m.safetensors"));
  };
  expect(binary("y_12.npy"),
         "label 2 at row " + std::to_string(first_two) + " of --y is neither 0 nor 1. [MN-N01]");
  expect(binary("minus.csv"), "label -1 at row 7 of --y is neither 0 nor 1. [MN-N01]");
  expect(binary("y.csv", {"--test-x=x.npy", "--test-y=minus.csv"}),
         "label -1 at row 7 of --test-y is neither 0 nor 1. [MN-N01]");
}

TEST(Losses, AutoGoesByTheEndAndEachNameIsTaken) {
  const Place place;
  write_points(place);
  struct Case {
    std::string loss, layers, told;
  };
  const Case cases[] = {
      {"auto", "4,relu,1", "mean squared error"},
      {"auto", "4,relu,1,sigmoid", "binary cross-entropy"},
      {"auto", "4,relu,2,softmax", "categorical cross-entropy"},
      {"mse", "4,relu,1", "mean squared error"},
      {"mean_squared_error", "4,relu,1", "mean squared error"},
      {"mse", "4,relu,1,sigmoid", "mean squared error"},
      {"mae", "4,relu,1", "mean absolute error"},
      {"mean-absolute-error", "4,relu,1", "mean absolute error"},
      {"huber", "4,relu,1", "Huber loss (1)"},
      {"huber(0.5)", "4,relu,1", "Huber loss (0.5)"},
      {"binary", "4,relu,1,sigmoid", "binary cross-entropy"},
      {"binary_crossentropy", "4,relu,1,sigmoid", "binary cross-entropy"},
      {"categorical", "4,relu,2,softmax", "categorical cross-entropy"},
      {"sparse_categorical_crossentropy", "4,relu,2,softmax", "categorical cross-entropy"},
      {"binary", "", "binary cross-entropy"},
      {"categorical", "", "categorical cross-entropy"},
  };
  for (const auto& [loss, layers, told] : cases) {
    SCOPED_TRACE(loss + " " + layers);
    std::vector<std::string> arguments = {
        "train",          "--x=x.npy",  "--y=y.csv", "--loss=" + loss,     "--test-x=x.npy",
        "--test-y=y.csv", "--epochs=1", "--json",    "--out=m.safetensors"};
    if (!layers.empty()) arguments.push_back("--layers=" + layers);
    const auto outcome = run(place, arguments);
    ASSERT_EQ(outcome.exit, 0) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, told));
    const auto result = run_of(outcome);
    EXPECT_EQ(result["loss"], told);
    EXPECT_EQ(result.contains("test_accuracy"), told.ends_with("cross-entropy"));
    EXPECT_EQ(result.contains("test_rmse"), told == "mean squared error");
    EXPECT_EQ(read_safetensors(place / "m.safetensors").metadata["loss"], told);
  }
}

TEST(Losses, IntegersAreNumbersWhenALossOfNumbersIsGiven) {
  const Place place;
  write_points(place);
  write_labels<std::int32_t>(place, "y.npy", DType::i32);
  const auto refused = run(place, {"train", "--x=x.npy", "--y=y.npy", "--layers=4,relu,1"});
  expect_failure(refused, 64, "does not end in softmax, and --y holds labels. [MN-U01]");
  EXPECT_TRUE(
      contains(refused.err, "remedy:   --layers=4,relu,1,sigmoid, or --loss=mse for a regression"));
  for (const std::string layers : {"--layers=4,relu,1", ""}) {
    std::vector<std::string> arguments = {"train",      "--x=x.npy",  "--y=y.npy",
                                          "--loss=mse", "--epochs=1", "--out=none"};
    if (!layers.empty()) arguments.push_back(layers);
    const auto outcome = run(place, arguments);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, "mean squared error"));
  }
}

TEST(Losses, WhatMakesNoSenseIsRefusedWithTheRemedy) {
  const Place place;
  write_points(place);
  write_labels<std::int32_t>(place, "y_i4.npy", DType::i32);
  struct Case {
    std::vector<std::string> options;
    std::string message, remedy;
  };
  const std::string kData = "--x=x.npy --y=y.csv";
  const Case cases[] = {
      {{"--loss=hubber"},
       "--loss=hubber is unknown.",
       "did you mean huber? There are auto, mse, mae, huber or huber(1), binary, categorical"},
      {{"--loss=entropy"},
       "--loss=entropy is unknown.",
       "remedy:   There are auto, mse, mae, huber or huber(1), binary, categorical"},
      {{"--loss=huber(0)"},
       "--loss=huber(0): (0) is no number above 0 in brackets.",
       "--loss=huber(1)"},
      {{"--loss=huber(nan)"}, "--loss=huber(nan): (nan) is no number above 0", "--loss=huber(1)"},
      {{"--loss=huber(1"}, "--loss=huber(1: (1 is no number above 0", "--loss=huber(1)"},
      {{"--loss=mse(2)"}, "--loss=mse(2): mse has no parameter.", "--loss=mse"},
      {{"--loss=binary", "--layers=4,tanh,1"},
       "--loss=binary needs probabilities, and --layers=4,tanh,1 does not end in sigmoid.",
       "remedy:   --layers=4,tanh,1,sigmoid\n"},
      {{"--loss=binary", "--layers=4,tanh,2,softmax"},
       "--loss=binary needs probabilities, and --layers=4,tanh,2,softmax does not end in sigmoid.",
       "remedy:   --layers=4,tanh,1,sigmoid, or --loss=categorical\n"},
      {{"--loss=categorical", "--layers=4,tanh,1"},
       "--loss=categorical needs probabilities, and --layers=4,tanh,1 does not end in softmax.",
       "remedy:   --layers=4,tanh,2,softmax\n"},
      {{"--loss=categorical", "--layers=4,tanh,1,sigmoid"},
       "--loss=categorical needs probabilities, and --layers=4,tanh,1,sigmoid does not end in",
       "remedy:   --layers=4,tanh,2,softmax, or --loss=binary\n"},
      {{"--layers=4,tanh,1,softmax"},
       "a softmax over 1 class is always 1.",
       "remedy:   --layers=4,tanh,1,sigmoid for two classes, or --layers=4,tanh,2,softmax\n"},
      {{"--layers=4,tanh,3,sigmoid"},
       "--layers=4,tanh,3,sigmoid does not end as x needs.",
       "remedy:   for classes --layers=4,tanh,3,softmax with --loss=auto, else "
       "--layers=4,tanh,1,sigmoid\n"},
      {{"--loss=mae", "--layers=4,tanh,2,softmax"},
       "--layers=4,tanh,2,softmax does not end as x needs.",
       "remedy:   for classes --layers=4,tanh,2,softmax with --loss=auto, else "
       "--layers=4,tanh,1\n"},
  };
  for (const auto& [options, message, remedy] : cases) {
    SCOPED_TRACE(options.back());
    std::vector<std::string> arguments = {"train", "--x=x.npy", "--y=y.csv"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto outcome = run(place, arguments);
    expect_failure(outcome, 64, message);
    EXPECT_TRUE(contains(outcome.err, remedy));
    EXPECT_FALSE(place.has("runs"));
  }
}

TEST(Losses, OfDataSetsByName) {
  const Place place;
  const auto expect = [&](const std::vector<std::string>& options, const std::string& message,
                          const std::string& remedy) {
    std::vector<std::string> arguments = {"train", "--dataset=toy", "--out=none"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto outcome = run(place, arguments);
    expect_failure(outcome, 64, message);
    EXPECT_TRUE(contains(outcome.err, remedy));
  };
  expect({"--layers=10,relu,1,sigmoid"}, "--layers=10,relu,1,sigmoid does not end as toy needs.",
         "remedy:   --layers=10,relu,1\n");
  expect({"--loss=categorical"}, "--loss=categorical needs probabilities, and --layers=10,relu,1 ",
         "remedy:   --layers=10,relu,2,softmax\n");
  for (const std::string loss : {"mae", "huber(0.1)"}) {
    const auto outcome = run(place, {"train", "--dataset=toy", "--out=none", "--loss=" + loss});
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
  }
  const auto outcome = run(
      place, {"train", "--dataset=toy", "--out=none", "--loss=mse", "--layers=10,relu,1,sigmoid"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
}

}  // namespace
}  // namespace minnow::test
