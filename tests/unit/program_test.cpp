#include <gtest/gtest.h>
#include <minnow/minnow.h>

#include <algorithm>

#include "functions.h"
#include "message_of.h"

namespace minnow {
namespace {

using testing::all_activations;
using testing::message_of;

Program classifier_step(std::int64_t batch) {
  const Model model(784, {dense(128), relu(), dense(10), softmax()}, {.seed = 1});
  Program program(batch, model.parameters());
  const ValueId x = program.gather(784, DType::u8, {}, TargetKind::labels, 10);
  std::vector<Forward> recorded;
  const ValueId prediction = model.record_forward(program, x, &recorded);
  const ValueId gradient = cross_entropy()->record(program, prediction, program.target(), true);
  model.record_backward(program, recorded, gradient);
  program.update(adam()->rule());
  return program;
}

TEST(ProgramTest, RecordsAStepAsText) {
  EXPECT_EQ(
      fuse(classifier_step(32)).str(),
      "gather -> %8(32, 784) %9(32, 1)\n"
      "linear+bias+relu %8(32, 784) %0(128, 784) %1(1, 128) -> %12(32, 128)  dense_1\n"
      "linear+bias %12(32, 128) %2(10, 128) %3(1, 10) -> %14(32, 10)  dense_2\n"
      "categorical cross-entropy %14(32, 10) %9(32, 1) -> %16(1, 1) %17(1, 1) %19(32, 10)\n"
      "linear_weight_grad %19(32, 10) %12(32, 128) -> %6(10, 128)  dense_2\n"
      "bias_grad %19(32, 10) -> %7(1, 10)  dense_2\n"
      "linear_input_grad+relu_grad %19(32, 10) %2(10, 128) %12(32, 128) -> %21(32, 128)  dense_2\n"
      "linear_weight_grad %21(32, 128) %8(32, 784) -> %4(128, 784)  dense_1\n"
      "bias_grad %21(32, 128) -> %5(1, 128)  dense_1\n"
      "update ->\n");
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
  program.keep(program.activate({ActivationKind::relu}, biased));
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
  refused("add expects second term of shape (2, 3), got (2, 4)", [&] { program.add(dy, other); });
  refused("activate_grad expects saved value of shape (2, 3), got (2, 4)",
          [&] { program.activate_grad({ActivationKind::tanh}, dy, dy, other); });
  refused("activate_grad expects saved value of shape (2, 3), got (2, 4)",
          [&] { program.activate_grad({ActivationKind::silu}, dy, other, dy); });
  refused("softmax_grad expects saved value of shape (2, 3), got (2, 4)",
          [&] { program.softmax_grad(dy, other); });
  const auto loss = [&](LossKind kind, ValueId target) { program.loss({kind}, dy, target, true); };
  refused("mean squared error expects target of shape (2, 3), got (2, 4)",
          [&] { loss(LossKind::mean_squared_error, other); });
  const ValueId labels = program.input("labels", 2, 1, DType::i32);
  refused("binary cross-entropy expects target of shape (2, 3), got (2, 1) (labels)",
          [&] { loss(LossKind::binary_cross_entropy, labels); });
  EXPECT_TRUE(program.ops().empty());
}

TEST(ProgramTest, ASlotThatDoesNotExistIsRefused) {
  Program program(2, {{.name = "w", .rows = 3, .cols = 5}, {.name = "b", .rows = 1, .cols = 4}});
  EXPECT_EQ(message_of<ShapeError>([&] { program.parameter(7); }),
            "there is no parameter 7 in a program of 2. [MN-N02]\n"
            "  remedy:   a layer's slots are those that forward() and backward() are given");
  program.begin_layer(0, "highway_1");
  for (const int slot : {2, -1}) {
    const std::string expected = "highway_1: there is no parameter " + std::to_string(slot);
    for (const std::string& message : {message_of<ShapeError>([&] { program.parameter(slot); }),
                                       message_of<ShapeError>([&] { program.gradient(slot); })}) {
      EXPECT_EQ(message.find(expected), 0U) << message;
    }
  }
  EXPECT_NE(program.gradient(1), program.parameter(1));
}

/// dense, f, dense and their gradients.
Program trained(const Activation& f) {
  const Model model(4, {dense(5), activation(f), dense(3)}, {.seed = 1});
  Program program(2, model.parameters());
  const ValueId x = program.input("x", 2, 4);
  std::vector<Forward> recorded;
  const ValueId y = model.record_forward(program, x, &recorded);
  model.record_backward(program, recorded,
                        mse()->record(program, y, program.input("target", 2, 3), true));
  return program;
}

const Op& only(const Program& program, OpKind kind) {
  const auto is = [&](const Op& op) { return op.kind == kind; };
  EXPECT_EQ(std::count_if(program.ops().begin(), program.ops().end(), is), 1) << program.str();
  return *std::find_if(program.ops().begin(), program.ops().end(), is);
}

TEST(ProgramTest, AnActivationsGradientReadsWhatItsTableSays) {
  for (const Activation& f : all_activations()) {
    SCOPED_TRACE(text_of(f));
    const Program program = trained(f);
    const Op& forward = only(program, OpKind::activate);
    const ValueId x = forward.inputs[0], y = forward.outputs[0];
    const ValueId saved = saved_by(f.kind) == Saved::input ? x : y;
    EXPECT_NE(x, y);
    EXPECT_EQ(only(program, OpKind::activate_grad).inputs[1], saved);
    EXPECT_EQ(only(program, OpKind::activate_grad).activation, f);
    const Program fused = fuse(program);
    const Op& gradient = only(fused, OpKind::linear_input_grad);
    ASSERT_EQ(gradient.inputs.size(), 3U);
    EXPECT_EQ(gradient.inputs[2], saved);
    EXPECT_EQ(gradient.activation, f);
  }
}

TEST(ProgramTest, TheOtherGradientsReadWhatTheTableOfOpsSays) {
  const Model model(4, {dense(5), softmax()}, {.seed = 1});
  Program program(2, model.parameters());
  const ValueId x = program.input("x", 2, 4);
  std::vector<Forward> recorded;
  const ValueId y = model.record_forward(program, x, &recorded);
  model.record_backward(program, recorded,
                        mse()->record(program, y, program.input("target", 2, 5), true));
  const auto saved = [&](OpKind kind) {
    const Op& op = only(program, kind);
    switch (traits_of(kind).saved) {
      case Saved::input:
        return op.inputs[0];
      case Saved::output:
        return op.outputs[0];
      case Saved::nothing:
      case Saved::by_function:
        break;
    }
    return kNoValue;
  };
  EXPECT_EQ(saved(OpKind::linear), x);
  EXPECT_EQ(only(program, OpKind::linear_weight_grad).inputs[1], saved(OpKind::linear));
  EXPECT_EQ(saved(OpKind::softmax), y);
  EXPECT_EQ(only(program, OpKind::softmax_grad).inputs[1], saved(OpKind::softmax));
}

TEST(ProgramTest, AnActivationIsFusedUnlessItsInputIsNeededLater) {
  for (const Activation& f : all_activations()) {
    SCOPED_TRACE(text_of(f));
    const std::size_t kept = saved_by(f.kind) == Saved::input ? 1 : 0;
    // Two forward, the loss, and two gradients of a weight, two of a bias, one of an input.
    EXPECT_EQ(fuse(trained(f)).ops().size(), 2 + 1 + 5 + kept);
    const Model model(4, {dense(5), activation(f), dense(3)}, {.seed = 1});
    Program prediction(2, model.parameters());
    prediction.set_output(model.record_forward(prediction, prediction.input("x", 2, 4)));
    EXPECT_EQ(fuse(prediction).ops().size(), 2U);
    EXPECT_EQ(fuse(prediction).ops()[0].activation, f);
  }
}

TEST(ProgramTest, LossesOfProbabilitiesAreFusedOnlyWithWhatMadeThem) {
  const auto fused_ops = [](const LossPtr& loss, const std::vector<LayerPtr>& last) {
    std::vector<LayerPtr> layers{dense(3)};
    layers.insert(layers.end(), last.begin(), last.end());
    const Model model(4, std::move(layers), {.seed = 1});
    Program program(2, model.parameters());
    std::vector<Forward> recorded;
    const ValueId y = model.record_forward(program, program.input("x", 2, 4), &recorded);
    model.record_backward(program, recorded,
                          loss->record(program, y, program.input("target", 2, 3), true));
    return fuse(program).ops().size();
  };
  // The product, the loss, the gradients of weight and bias.
  EXPECT_EQ(fused_ops(cross_entropy(), {softmax()}), 4U);
  EXPECT_EQ(fused_ops(binary_cross_entropy(), {sigmoid()}), 4U);
  // Softmax and its gradient stay; a sigmoid joins the product, and its gradient stays.
  EXPECT_EQ(fused_ops(binary_cross_entropy(), {softmax()}), 6U);
  EXPECT_EQ(fused_ops(cross_entropy(), {sigmoid()}), 5U);
  EXPECT_EQ(fused_ops(binary_cross_entropy(), {tanh()}), 5U);
  EXPECT_EQ(fused_ops(mse(), {sigmoid()}), 5U);
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
