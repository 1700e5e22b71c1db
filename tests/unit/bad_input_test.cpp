// Every mistake in data and options is told before the first step, with its place and numbers.

#include "problems.h"

#include <cmath>
#include <limits>

#include "devices.h"

namespace minnow::testing {
namespace {

class BadInput : public ::testing::Test {
 protected:
  /// The message of a fit() that must fail, and must not have done a step.
  template <class E>
  std::string fit_message(const Tensor& bad_x, const Tensor& bad_y,
                          const FitOptions& options = {}) {
    const auto before = all_weights(model);
    const std::string message = message_of<E>([&] { trainer.fit(bad_x, bad_y, options); });
    EXPECT_EQ(trainer.steps(), 0);
    EXPECT_EQ(all_weights(model), before);
    return message;
  }

  const Tensor x = random_tensor({100, 10}, 1);
  const Tensor y = labels_of(x, 3);
  Model model = small_classifier();
  Trainer trainer{model, cross_entropy(), adam(), open("cpu")};
};

TEST_F(BadInput, FeaturesOfAnotherWidth) {
  EXPECT_EQ(
      fit_message<ShapeError>(random_tensor({100, 28, 28}, 1), y),
      "the model expects 10 numbers per row (dense_1), and x has shape (100, 28, 28): 784 per "
      "row. [MN-N02]\n"
      "  effect:   nothing was run");
}

TEST_F(BadInput, RowsThatDoNotMatch) {
  EXPECT_EQ(fit_message<ShapeError>(x, y.rows(0, 99)),
            "x has 100 rows and y has 99. [MN-N02]\n  effect:   nothing was run");
  EXPECT_EQ(fit_message<ShapeError>(x, y.rows(0, 99), {.validation_split = 0.1}),
            "x has 100 rows and y has 99. [MN-N02]\n  effect:   nothing was run");
}

TEST_F(BadInput, ALabelOutsideTheClasses) {
  Tensor labels = y.clone();
  labels.mutable_data<std::int32_t>()[43] = 3;
  EXPECT_EQ(fit_message<InvalidArgument>(x, labels),
            "label 3 at row 43 of y is outside 0..2 (the model has 3 outputs). [MN-N01]\n"
            "  remedy:   labels count from 0; rows count from 0\n"
            "  effect:   nothing was run");
  labels.mutable_data<std::int32_t>()[7] = -1;
  EXPECT_NE(fit_message<InvalidArgument>(x, labels).find("label -1 at row 7"), std::string::npos);
}

TEST_F(BadInput, NumbersThatAreNotFinite) {
  Tensor bad = x.clone();
  bad.mutable_data<float>()[437] = std::nanf("");
  EXPECT_EQ(fit_message<InvalidArgument>(bad, y),
            "x is nan at row 43, column 7. [MN-N04]\n"
            "  remedy:   repair or drop the row; rows and columns count from 0\n"
            "  effect:   nothing was run");
  bad.mutable_data<float>()[437] = -INFINITY;
  EXPECT_NE(fit_message<InvalidArgument>(bad, y).find("x is -inf at row 43, column 7."),
            std::string::npos);
  EXPECT_NE(fit_message<InvalidArgument>(x, y, {.validation_x = bad, .validation_y = y})
                .find("x (validation) is -inf at row 43"),
            std::string::npos);
  EXPECT_THROW(trainer.predict(bad), InvalidArgument);
  EXPECT_THROW(trainer.evaluate(bad, y), InvalidArgument);
  EXPECT_THROW(trainer.step(bad, y), InvalidArgument);
  Tensor one_hot({100, 3});
  one_hot.mutable_data<float>()[299] = INFINITY;
  EXPECT_NE(fit_message<InvalidArgument>(x, one_hot).find("y is inf at row 99, column 2."),
            std::string::npos);
}

TEST_F(BadInput, TargetsOfTheWrongConvention) {
  EXPECT_EQ(fit_message<InvalidArgument>(x, random_tensor({100}, 2)),
            "y has one f32 number per row; a loss over 3 classes expects labels or one-hot rows. "
            "[MN-N03]\n"
            "  remedy:   convert labels with y.to(minnow::DType::i32), or give y as (rows, 3)\n"
            "  effect:   nothing was run");
  EXPECT_EQ(fit_message<ShapeError>(x, random_tensor({100, 4}, 2)),
            "the model has 3 outputs, and y has shape (100, 4): 4 numbers per row. [MN-N02]\n"
            "  effect:   nothing was run");
  Model single(10, {dense(1)});
  EXPECT_EQ(
      message_of<InvalidArgument>([&] { Trainer(single, cross_entropy(), adam(), open("cpu")); }),
      "categorical cross-entropy needs 2 or more classes, and the model has 1 output. "
      "[MN-N03]\n"
      "  remedy:   end the model in one unit per class, or train with binary_cross_entropy() or "
      "mse()\n"
      "  effect:   nothing was run");
}

TEST_F(BadInput, TargetsThatAreNoProbabilities) {
  Tensor one_hot({100, 3});
  one_hot.mutable_data<float>()[3 * 43 + 2] = 1.5F;
  EXPECT_EQ(fit_message<InvalidArgument>(x, one_hot),
            "y is 1.5 at row 43, column 2; categorical cross-entropy expects probabilities. "
            "[MN-N03]\n"
            "  remedy:   give numbers from 0 to 1; rows and columns count from 0\n"
            "  effect:   nothing was run");
  Model single(10, {dense(1), sigmoid()});
  Trainer binary(single, binary_cross_entropy(), adam(), open("cpu"));
  Tensor answers({100, 1});
  answers.mutable_data<float>()[7] = -1.0F;
  EXPECT_EQ(message_of<InvalidArgument>([&] { binary.fit(x, answers); }),
            "y is -1 at row 7, column 0; binary cross-entropy expects probabilities. [MN-N03]\n"
            "  remedy:   give numbers from 0 to 1; rows and columns count from 0\n"
            "  effect:   nothing was run");
  Tensor labels({100}, DType::i32);
  labels.mutable_data<std::int32_t>()[9] = 2;
  EXPECT_EQ(message_of<InvalidArgument>([&] { binary.fit(x, labels); }),
            "label 2 at row 9 of y is outside 0..1 (the model has 1 output). [MN-N01]\n"
            "  remedy:   labels count from 0; rows count from 0\n"
            "  effect:   nothing was run");
  EXPECT_EQ(binary.steps(), 0);
}

TEST_F(BadInput, ConstantsOfFunctionsThatCannotBe) {
  EXPECT_EQ(message_of<InvalidArgument>([] { leaky_relu(-0.5F); }),
            "the parameter of leaky_relu is -0.5. [MN-U01]\n"
            "  remedy:   give a finite number of 0 or more");
  EXPECT_EQ(message_of<InvalidArgument>([] { elu(INFINITY); }),
            "the parameter of elu is inf. [MN-U01]\n"
            "  remedy:   give a finite number of 0 or more");
  EXPECT_EQ(message_of<InvalidArgument>([] {
              activation({ActivationKind::tanh, 2.0F});
            }),
            "the parameter of tanh is 2. [MN-U01]\n  remedy:   give none: it has no parameter");
  EXPECT_EQ(message_of<InvalidArgument>([] { parse_activation("elu(0.3"); }),
            "the parameter of elu is (0.3. [MN-U01]\n"
            "  remedy:   write a finite number of 0 or more: elu(1)");
  EXPECT_EQ(message_of<InvalidArgument>([] { parse_activation("silu(2)"); }),
            "the parameter of silu is (2). [MN-U01]\n"
            "  remedy:   give none: it has no parameter");
  for (const char* text : {"elu()", "elu(-1)", "elu(nan)", "elu(1e99)", "elu(1)x", "elu(1,2)"}) {
    EXPECT_THROW(parse_activation(text), InvalidArgument) << text;
  }
  EXPECT_FALSE(parse_activation("conv").has_value());
  EXPECT_FALSE(parse_activation("").has_value());
  for (const float delta : {0.0F, -1.0F, INFINITY, NAN}) {
    EXPECT_THROW(huber(delta), InvalidArgument) << delta;
  }
  EXPECT_EQ(message_of<InvalidArgument>([] { huber(0.0F); }),
            "the parameter of the Huber loss is 0. [MN-U01]\n"
            "  remedy:   give a positive number");
}

TEST_F(BadInput, NothingToTrainOn) {
  EXPECT_EQ(fit_message<InvalidArgument>(Tensor({0, 10}), Tensor({0}, DType::i32)),
            "x has no data: its shape is (0, 10). [MN-N07]\n  effect:   nothing was run");
  EXPECT_EQ(fit_message<InvalidArgument>(x, y, {.epochs = 0}),
            "the number of epochs is 0. [MN-N07]\n  remedy:   give 1 or more\n"
            "  effect:   nothing was run");
  EXPECT_EQ(fit_message<InvalidArgument>(x, y, {.batch_size = -5}),
            "the batch size is -5. [MN-N07]\n  remedy:   give 1 or more\n"
            "  effect:   nothing was run");
  EXPECT_EQ(fit_message<InvalidArgument>(x, y, {.validation_split = 1.0}),
            "the validation split is 1. [MN-U01]\n  remedy:   give 0 or more and less than 1\n"
            "  effect:   nothing was run");
  EXPECT_EQ(fit_message<InvalidArgument>(x, y, {.validation_split = 0.999}),
            "a validation split of 0.999 of 100 rows leaves 0 for training and 100 for validation. "
            "[MN-N07]\n"
            "  remedy:   give more rows or another split\n"
            "  effect:   nothing was run");
  EXPECT_NE(fit_message<InvalidArgument>(x, y, {.validation_split = std::nan("")})
                .find("the validation split is nan"),
            std::string::npos);
  EXPECT_NE(fit_message<InvalidArgument>(x, y, {.validation_x = x})
                .find("y (validation) has no data: its shape is (0,)."),
            std::string::npos);
  EXPECT_EQ(fit_message<ShapeError>(Tensor(Shape{}), y),
            "x is a scalar; rows are expected. [MN-N02]\n  effect:   nothing was run");
}

TEST_F(BadInput, OptionsThatCannotBe) {
  EXPECT_EQ(fit_message<InvalidArgument>(x, y, {.microbatch = -3}),
            "slices of -3 rows cannot be made. [MN-U01]\n"
            "  remedy:   give 1 or more, 0, kMicrobatchAuto or kMicrobatchOff\n"
            "  effect:   nothing was run");
  for (const SnapshotOptions snapshot :
       {SnapshotOptions{.steps = -1}, {.seconds = -0.5}, {.seconds = std::nan("")}}) {
    EXPECT_EQ(fit_message<InvalidArgument>(x, y, {.snapshot = snapshot}),
              "the interval of snapshots is negative. [MN-U01]\n"
              "  remedy:   give 0 or more\n"
              "  effect:   nothing was run");
  }
  for (const EarlyStopping stopping :
       {EarlyStopping{.patience = -1}, {.min_delta = -1e-3}, {.min_delta = std::nan("")}}) {
    EXPECT_EQ(fit_message<InvalidArgument>(x, y, {.early_stopping = stopping}),
              "early stopping has a negative patience or min_delta. [MN-U01]\n"
              "  remedy:   give 0 or more\n"
              "  effect:   nothing was run");
  }
}

TEST_F(BadInput, ModelsThatCannotBe) {
  EXPECT_EQ(message_of<InvalidArgument>([] { dense(0); }),
            "a dense layer of 0 units cannot be made. [MN-U01]\n  remedy:   give 1 or more");
  EXPECT_EQ(message_of<InvalidArgument>([] { Model(0, {dense(1)}); }),
            "a model with 0 inputs cannot be made. [MN-U01]");
  EXPECT_EQ(message_of<InvalidArgument>([] { Model(3, {}); }),
            "a model with 0 layers cannot be made. [MN-U01]");
  EXPECT_EQ(message_of<InvalidArgument>([&] { model.weight("1.weight"); }),
            "the model has no weight named \"1.weight\". [MN-U01]\n"
            "  evidence: it has 0.weight, 0.bias, 2.weight, 2.bias");
  EXPECT_EQ(message_of<ShapeError>([&] {
              model.set_weight("0.weight", Tensor({10, 16}));
            }),
            "weight \"0.weight\" has shape (16, 10), got (10, 16). [MN-N02]\n"
            "  effect:   the weight is unchanged");
  Tensor bias({16});
  bias.mutable_data<float>()[3] = std::nanf("");
  EXPECT_EQ(message_of<InvalidArgument>([&] { model.set_weight("0.bias", bias); }),
            "element 3 of weight \"0.bias\" is nan. [MN-N04]\n"
            "  effect:   the weight is unchanged");
  EXPECT_THROW(Model(4, {dense(2)}, {.input = {{0, 0, 0}, {1}}}), ShapeError);
  EXPECT_THROW(Model(4, {nullptr}), InvalidArgument);
}

TEST_F(BadInput, OptimizersThatCannotBe) {
  EXPECT_EQ(message_of<InvalidArgument>([] { adam({.learning_rate = 0}); }),
            "Adam's learning rate is 0. [MN-U01]\n  remedy:   give a positive number");
  EXPECT_THROW(adam({.learning_rate = std::nanf("")}), InvalidArgument);
  EXPECT_THROW(adam({.beta1 = 1}), InvalidArgument);
  EXPECT_THROW(adam({.beta2 = -0.1F}), InvalidArgument);
  EXPECT_THROW(adam({.epsilon = -1}), InvalidArgument);
  EXPECT_THROW(sgd({.learning_rate = INFINITY}), InvalidArgument);
  EXPECT_EQ(message_of<InvalidArgument>([] { sgd({.momentum = 1}); }),
            "SGD's momentum is 1. [MN-U01]\n  remedy:   give 0 or more and less than 1");
  EXPECT_EQ(message_of<InvalidArgument>([] { sgd({.nesterov = true}); }),
            "SGD's momentum is 0. [MN-U01]\n  remedy:   give more than 0 for Nesterov's form");
  EXPECT_EQ(message_of<InvalidArgument>([] { adamw({.weight_decay = -0.1F}); }),
            "Adam's weight decay is -0.1. [MN-U01]\n  remedy:   give a finite number of 0 or more");
  EXPECT_EQ(message_of<InvalidArgument>([] { rmsprop({.decay = 1}); }),
            "RMSprop's decay is 1. [MN-U01]\n  remedy:   give more than 0 and less than 1");
  EXPECT_THROW(rmsprop({.momentum = 1}), InvalidArgument);
  EXPECT_THROW(rmsprop({.epsilon = -1}), InvalidArgument);
  EXPECT_THROW(sgd({.weight_decay = INFINITY}), InvalidArgument);
}

TEST_F(BadInput, DevicesThatCannotBe) {
  EXPECT_EQ(message_of<InvalidArgument>([] { open("gpu"); }),
            "\"gpu\" is no device. [MN-U01]\n"
            "  evidence: there are auto, cuda, cpu; cuda:1 is the second GPU");
  for (const char* name : {"cpu:0", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda1", "CPU"}) {
    EXPECT_THROW(open(name), InvalidArgument) << name;
  }
  EXPECT_EQ(message_of<InvalidArgument>([] { open("cpu", {.precision = Precision::tf32}); }),
            "the CPU cannot compute in tf32. [MN-U01]\n"
            "  evidence: it computes in fp32 and, with AMX, in bf16\n"
            "  remedy:   ask for fp32, or for a GPU");
  EXPECT_THROW(open("cpu", {.threads = -1}), InvalidArgument);
}

TEST_F(BadInput, BatchesOfNoRows) {
  const std::string message =
      "the batch size is 0. [MN-N07]\n  remedy:   give 1 or more\n  effect:   nothing was run";
  EXPECT_EQ(message_of<InvalidArgument>([&] { trainer.evaluate(x, y, 0); }), message);
  EXPECT_EQ(message_of<InvalidArgument>([&] { trainer.memory_plan(0); }), message);
  EXPECT_EQ(message_of<InvalidArgument>([&] { trainer.explain(0); }), message);
}

TEST_F(BadInput, ARowOfAnotherWidth) {
  EXPECT_THROW(trainer.predict_row(std::vector<float>(9)), ShapeError);
  EXPECT_THROW(trainer.predict_row(std::vector<float>(10, std::nanf(""))), InvalidArgument);
}

}  // namespace
}  // namespace minnow::testing
