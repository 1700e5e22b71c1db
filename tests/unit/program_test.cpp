#include "message_of.h"

#include <gtest/gtest.h>
#include <minnow/minnow.h>

namespace minnow {
namespace {

using testing::message_of;

Program classifier_step(std::int64_t batch) {
  const Model model(784, {dense(128), relu(), dense(10), softmax()}, {.seed = 1});
  Program program(batch, model.parameters());
  const ValueId x = program.gather(784, DType::u8, {}, TargetKind::labels, 10);
  std::vector<ValueId> outputs_of;
  const ValueId prediction = model.record_forward(program, x, &outputs_of);
  const ValueId gradient = cross_entropy()->record(program, prediction, program.target(), true);
  model.record_backward(program, x, outputs_of, gradient);
  adam()->record(program);
  return program;
}

TEST(ProgramTest, RecordsAStepAsText) {
  EXPECT_EQ(fuse(classifier_step(32)).str(),
            "gather -> %8(32, 784) %9(32, 1)\n"
            "linear+relu %8(32, 784) %0(128, 784) %1(1, 128) -> %12(32, 128)  dense_1\n"
            "linear %12(32, 128) %2(10, 128) %3(1, 10) -> %14(32, 10)  dense_2\n"
            "softmax_cross_entropy %14(32, 10) %9(32, 1) -> %16(1, 1) %17(1, 1) %19(32, 10)\n"
            "linear_weight_grad %19(32, 10) %12(32, 128) -> %6(10, 128)  dense_2\n"
            "bias_grad %19(32, 10) -> %7(1, 10)  dense_2\n"
            "linear_input_grad %19(32, 10) %2(10, 128) %12(32, 128) -> %21(32, 128)  dense_2\n"
            "linear_weight_grad %21(32, 128) %8(32, 784) -> %4(128, 784)  dense_1\n"
            "bias_grad %21(32, 128) -> %5(1, 128)  dense_1\n"
            "adam ->\n");
}

TEST(ProgramTest, TheFirstLayerComputesNoInputGradient) {
  int input_grads = 0;
  const Program program = classifier_step(32);
  for (const Op& op : program.ops()) input_grads += op.kind == OpKind::linear_input_grad;
  EXPECT_EQ(input_grads, 1);
}

TEST(ProgramTest, FusionLeavesKeptAndSharedValuesAlone) {
  Program program(2, {{.name = "w", .rows = 3, .cols = 4}, {.name = "b", .rank = 1, .cols = 3}});
  const ValueId y = program.linear(program.input("x", 2, 4), program.parameter(0));
  const ValueId biased = program.add_bias(y, program.parameter(1));
  program.keep(y);
  program.keep(program.relu(biased));
  program.keep(program.softmax(biased));  // a second reader of `biased`
  EXPECT_EQ(fuse(program).ops().size(), 4U);
}

TEST(ProgramTest, ShapesThatDoNotFitNameTheLayer) {
  Program program(2, {{.name = "w", .rows = 3, .cols = 5}});
  program.begin_layer(0, "dense_1");
  const ValueId x = program.input("x", 2, 4);
  try {
    program.linear(x, program.parameter(0));
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_STREQ(error.what(),
                 "dense_1: linear expects input of shape (2, 5), got (2, 4) (x). [MN-N02]");
  }
}

TEST(ProgramTest, EveryOpLooksAtItsOperands) {
  Program program(2, {{.name = "w", .rows = 3, .cols = 5}, {.name = "b", .rows = 1, .cols = 4}});
  const ValueId dy = program.input("dy", 2, 3);
  const ValueId other = program.input("other", 2, 4);
  const ValueId short_x = program.input("short", 1, 5);
  const auto refused = [](const char* expected, const auto& record) {
    const std::string message = message_of<ShapeError>(record);
    EXPECT_EQ(message.find(expected), 0U) << message;
  };
  refused("add_bias expects bias of shape (1, 3), got (1, 4)",
          [&] { program.add_bias(dy, program.parameter(1)); });
  refused("linear_input_grad expects output gradient of shape (2, 3), got (2, 4)",
          [&] { program.linear_input_grad(other, program.parameter(0)); });
  refused("linear_weight_grad expects input of shape (2, 5), got (1, 5)",
          [&] { program.linear_weight_grad(dy, short_x, program.gradient(0)); });
  refused("linear_weight_grad expects weight gradient of shape (3, 4), got (3, 5)",
          [&] { program.linear_weight_grad(dy, other, program.gradient(0)); });
  refused("bias_grad expects bias gradient of shape (1, 3), got (1, 4)",
          [&] { program.bias_grad(dy, program.gradient(1)); });
  refused("relu_grad expects output of shape (2, 3), got (2, 4)",
          [&] { program.relu_grad(dy, other); });
  refused("softmax_grad expects output of shape (2, 3), got (2, 4)",
          [&] { program.softmax_grad(dy, other); });
  refused("mse expects target of shape (2, 3), got (2, 4)", [&] { program.mse(dy, other, false); });
  EXPECT_TRUE(program.ops().empty());
}

TEST(ProgramTest, SizesThatOverflowAreRefused) {
  EXPECT_THROW(Program(std::int64_t{1} << 40, {}).input("x", 2, std::int64_t{1} << 61), ShapeError);
  EXPECT_EQ(
      message_of<ShapeError>([] { Model(std::int64_t{1} << 40, {dense(std::int64_t{1} << 40)}); }),
      "the size of weight does not fit into 63 bits. [MN-M09]\n"
      "  evidence: 1099511627776 x 4398046511104");
}

TEST(ModelTest, SummaryShowsLayersAndParameters) {
  const Model model(784, {dense(128), relu(), dense(10), softmax()});
  EXPECT_EQ(model.summary(),
            "layer        output      params\n"
            "dense_1         128      100480\n"
            "relu_1          128           0\n"
            "dense_2          10        1290\n"
            "softmax_1        10           0\n"
            "inputs 784, parameters 101770\n");
}

}  // namespace
}  // namespace minnow
