// A step in slices as a program: what is recorded, what fusion makes of it, and its memory.

#include <gtest/gtest.h>
#include <minnow/activation_plan.h>
#include <minnow/minnow.h>

#include "message_of.h"
#include "record.h"

namespace minnow::testing {
namespace {

Program classifier_step(std::int64_t batch, std::int64_t slice) {
  const Model model(784, {dense(128), relu(), dense(10), softmax()}, {.seed = 1});
  return record(model, *cross_entropy(), *adam(),
                {.batch = batch, .x = DType::u8, .target = TargetKind::labels, .slice = slice});
}

std::int64_t activation_bytes(const Program& program) {
  return plan_activations(program, [](const Value& value) { return value.rows * value.cols * 4; })
      .bytes;
}

TEST(SlicePlanning, AStepIsRecordedSliceBySlice) {
  EXPECT_EQ(
      fuse(classifier_step(33, 20)).str(),
      "gather -> %8(20, 784) %9(20, 1)  rows 0..19\n"
      "linear+bias+relu %8(20, 784) %0(128, 784) %1(1, 128) -> %12(20, 128)  dense_1  rows 0..19\n"
      "linear+bias %12(20, 128) %2(10, 128) %3(1, 10) -> %14(20, 10)  dense_2  rows 0..19\n"
      "categorical cross-entropy %14(20, 10) %9(20, 1) -> %16(1, 1) %17(1, 1) %19(20, 10)  rows "
      "0..19\n"
      "linear_weight_grad %19(20, 10) %12(20, 128) -> %6(10, 128)  dense_2  rows 0..19\n"
      "bias_grad %19(20, 10) -> %7(1, 10)  dense_2  rows 0..19\n"
      "linear_input_grad+relu_grad %19(20, 10) %2(10, 128) %12(20, 128) -> %21(20, 128)  dense_2  "
      "rows "
      "0..19\n"
      "linear_weight_grad %21(20, 128) %8(20, 784) -> %4(128, 784)  dense_1  rows 0..19\n"
      "bias_grad %21(20, 128) -> %5(1, 128)  dense_1  rows 0..19\n"
      "gather -> %22(13, 784) %23(13, 1)  rows 20..32\n"
      "linear+bias+relu %22(13, 784) %0(128, 784) %1(1, 128) -> %26(13, 128)  dense_1  rows "
      "20..32\n"
      "linear+bias %26(13, 128) %2(10, 128) %3(1, 10) -> %28(13, 10)  dense_2  rows 20..32\n"
      "categorical cross-entropy %28(13, 10) %23(13, 1) -> %16(1, 1) %17(1, 1) %31(13, 10)  rows "
      "20..32\n"
      "linear_weight_grad %31(13, 10) %26(13, 128) += %6(10, 128)  dense_2  rows 20..32\n"
      "bias_grad %31(13, 10) += %7(1, 10)  dense_2  rows 20..32\n"
      "linear_input_grad+relu_grad %31(13, 10) %2(10, 128) %26(13, 128) -> %33(13, 128)  dense_2  "
      "rows "
      "20..32\n"
      "linear_weight_grad %33(13, 128) %22(13, 784) += %4(128, 784)  dense_1  rows 20..32\n"
      "bias_grad %33(13, 128) += %5(1, 128)  dense_1  rows 20..32\n"
      "update ->\n");
}

TEST(SlicePlanning, SlicesThatHoldTheBatchAreNone) {
  for (const std::int64_t slice : {0, 32, 40}) {
    const Program program = classifier_step(32, slice);
    EXPECT_FALSE(program.sliced()) << slice;
    EXPECT_EQ(program.str(), classifier_step(32, 0).str()) << slice;
  }
  EXPECT_TRUE(classifier_step(32, 31).sliced());
}

TEST(SlicePlanning, SlicesThatAreAlikeShareALine) {
  const auto note = [](std::size_t i) { return i % 2 == 0 ? "" : " (odd)"; };
  EXPECT_EQ(fuse(classifier_step(7, 2)).list([](std::size_t) { return ""; }),
            "  gather  rows 0..1\n"
            "  linear+bias+relu  dense_1  rows 0..1\n"
            "  linear+bias  dense_2  rows 0..1\n"
            "  categorical cross-entropy  rows 0..1\n"
            "  linear_weight_grad  dense_2  rows 0..1\n"
            "  bias_grad  dense_2  rows 0..1\n"
            "  linear_input_grad+relu_grad  dense_2  rows 0..1\n"
            "  linear_weight_grad  dense_1  rows 0..1\n"
            "  bias_grad  dense_1  rows 0..1\n"
            "  gather  rows 2..3\n"
            "  linear+bias+relu  dense_1  rows 2..3\n"
            "  linear+bias  dense_2  rows 2..3\n"
            "  categorical cross-entropy  rows 2..3\n"
            "  linear_weight_grad, added  dense_2  rows 2..3\n"
            "  bias_grad, added  dense_2  rows 2..3\n"
            "  linear_input_grad+relu_grad  dense_2  rows 2..3\n"
            "  linear_weight_grad, added  dense_1  rows 2..3\n"
            "  bias_grad, added  dense_1  rows 2..3\n"
            "  rows 4..6: as the slice before\n"
            "  update\n");
  const Program two = classifier_step(3, 1);
  EXPECT_EQ(two.describe(two.ops()[1]), "linear  dense_1  row 0");
  EXPECT_NE(two.list(note).find("  linear  dense_1  row 0 (odd)\n"), std::string::npos);
}

TEST(SlicePlanning, ValuesAreNamedWithTheirRows) {
  const Program program = fuse(classifier_step(33, 20));
  std::vector<std::string> names;
  for (const Op& op : program.ops()) {
    for (const ValueId id : op.outputs) names.push_back(program.describe(op, id));
  }
  const std::vector<std::string> second(names.begin() + 12, names.end());
  EXPECT_EQ(second, (std::vector<std::string>{
                        "x, rows 20..32", "target, rows 20..32", "output of dense_1, rows 20..32",
                        "output of dense_2, rows 20..32", "loss", "correct",
                        "input gradient, rows 20..32", "gradient of 2.weight, rows 20..32",
                        "gradient of 2.bias, rows 20..32", "input gradient of dense_2, rows 20..32",
                        "gradient of 0.weight, rows 20..32", "gradient of 0.bias, rows 20..32"}));
}

TEST(SlicePlanning, TheMemoryIsThatOfOneSlice) {
  const std::int64_t whole = activation_bytes(fuse(classifier_step(1024, 0)));
  const std::int64_t quarter = activation_bytes(fuse(classifier_step(1024, 256)));
  EXPECT_GE(quarter, whole / 4);
  EXPECT_LE(quarter, whole / 4 + 256);
  // And of a slice alone, whatever their number and with a smaller one at the end.
  EXPECT_EQ(quarter, activation_bytes(fuse(classifier_step(2000, 256))));
  EXPECT_LE(quarter, activation_bytes(fuse(classifier_step(256, 0))) + 128);
}

TEST(SlicePlanning, SlicesFollowOneAnother) {
  const auto wrong = [](std::int64_t first, std::int64_t rows) {
    return message_of<ShapeError>([&] {
      Program program(33, {});
      program.begin_slice(0, 10);
      program.begin_slice(first, rows);
    });
  };
  EXPECT_EQ(wrong(11, 5),
            "a slice of 5 rows from row 11 on does not go on at row 10 of a batch of 33. [MN-N02]");
  EXPECT_NE(wrong(10, 24).find("a slice of 24 rows from row 10 on"), std::string::npos);
  EXPECT_NE(wrong(10, 0).find("a slice of 0 rows from row 10 on"), std::string::npos);
}

TEST(SlicePlanning, ALossNeedsTheRowsOfItsSlice) {
  Program program(8, {});
  program.begin_slice(0, 4);
  const ValueId x = program.input("x", 8, 3);
  EXPECT_EQ(
      message_of<ShapeError>([&] { program.loss({LossKind::mean_squared_error}, x, x, true); }),
      "mean squared error expects prediction of shape (4, 3), got (8, 3) (x). [MN-N02]");
}

}  // namespace
}  // namespace minnow::testing
