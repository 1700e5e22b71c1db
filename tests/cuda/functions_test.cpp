// Every activation, loss and update rule through the plugin, inside whole training steps: the CPU's
// numbers, and what a step becomes. Each op by itself is in tests/unit/ops_test.cpp.

#include "functions.h"

#include "own_parts.h"
#include "training.h"

namespace minnow::testing {
namespace {

struct Task {
  std::vector<LayerPtr> layers;
  LossPtr loss;
  Tensor x;
  Tensor y;
  OptimizerPtr optimizer = sgd({.learning_rate = 0.02F});
};

/// Of three batches, the last of which is a partial one: weights, the evaluation and predictions.
std::vector<float> learn(const Task& task, const Device& device, bool fuse = true) {
  Model model(task.x.shape().row_elements(), task.layers, {.seed = 3});
  Trainer trainer(model, task.loss, task.optimizer, device, {.fuse = fuse});
  trainer.fit(task.x, task.y, {.batch_size = 16});
  std::vector<float> numbers = all_weights(model);
  const Evaluation evaluation = trainer.evaluate(task.x, task.y, 16);
  numbers.push_back(static_cast<float>(evaluation.loss));
  numbers.push_back(static_cast<float>(evaluation.accuracy.value_or(0)));
  const Tensor out = trainer.predict(task.x);
  numbers.insert(numbers.end(), out.data<float>().begin(), out.data<float>().end());
  return numbers;
}

std::string explained(const Task& task) {
  Model model(task.x.shape().row_elements(), task.layers, {.seed = 3});
  return Trainer(model, task.loss, task.optimizer, open("cuda")).explain(16);
}

Task task_of(std::int64_t outputs, const LossPtr& loss) {
  Task task{.layers = {dense(20), tanh(), dense(outputs)},
            .loss = loss,
            .x = random_tensor({41, 13}, 1),
            .y = random_tensor({41, outputs}, 2)};
  return task;
}

class CudaFunctions : public OnCuda {
 protected:
  /// The same numbers as on the CPU, fused and op by op.
  static void expect_the_cpus(const Task& task, double tolerance, const std::string& what) {
    for (const bool fuse : {true, false}) {
      const std::vector<float> expected = learn(task, open("cpu"), fuse);
      EXPECT_LE(difference(learn(task, open("cuda"), fuse), expected), tolerance)
          << what << (fuse ? ", fused" : ", op by op");
    }
  }
};

// 17 outputs are too many for the kernel of the last layer, which else multiplies by the slope of
// the activation below: by one of its output, or of its input.
TEST_F(CudaFunctions, EveryActivationTrainsAsOnTheCpu) {
  for (const Activation& f : all_activations()) {
    for (const std::int64_t outputs : {3, 17}) {
      Task task = task_of(outputs, mse());
      task.layers = {dense(129), activation(f), dense(20, {.bias = false}), activation(f),
                     dense(outputs)};
      expect_the_cpus(task, 2e-5, text_of(f));
    }
  }
}

TEST_F(CudaFunctions, EveryActivationTrainsInBfloat16) {
  for (const Activation& f : all_activations()) {
    Task task = task_of(3, mse());
    task.layers = {dense(129), activation(f), dense(20), activation(f), dense(3)};
    const std::vector<float> exact = learn(task, open("cuda"));
    const std::vector<float> rounded = learn(task, open("cuda", {.precision = Precision::bf16}));
    EXPECT_LE(difference(rounded, exact), 0.1) << text_of(f);
    EXPECT_NE(rounded, exact) << text_of(f);
  }
}

TEST_F(CudaFunctions, EveryLossTrainsAsOnTheCpu) {
  for (LossFunction function : all_losses()) {
    function.weight = 0.7F;
    for (const std::int64_t outputs : {1, 3, 17}) {
      for (const bool labels : {false, true}) {
        if (labels && !takes_labels(function.kind, outputs)) continue;
        if (outputs == 1 && traits_of(function.kind).accuracy == Accuracy::largest) continue;
        Task task = task_of(outputs, loss(function));
        if (labels)
          task.y =
              labels_of(task.x, std::max<std::int64_t>(2, std::min<std::int64_t>(13, outputs)));
        if (function.kind == LossKind::binary_cross_entropy) task.layers.push_back(sigmoid());
        if (function.kind == LossKind::cross_entropy) task.layers.push_back(softmax());
        expect_the_cpus(task, 2e-5, std::string(traits_of(function.kind).name));
      }
    }
  }
}

TEST_F(CudaFunctions, EveryRuleTrainsAsOnTheCpu) {
  for (const OptimizerPtr& optimizer : all_optimizers()) {
    Task task = task_of(3, mse());
    task.optimizer = optimizer;
    expect_the_cpus(task, 2e-5, optimizer->str());
  }
}

TEST_F(CudaFunctions, OwnLayersAndSumsOfLosses) {
  for (const ActivationKind kind :
       {ActivationKind::relu, ActivationKind::tanh, ActivationKind::gelu}) {
    const LayerPtr block = residual(33, {kind});
    Task task = task_of(
        3, std::make_shared<SumOfLosses>(LossFunction{LossKind::mean_squared_error, 0, 2.0F},
                                         LossFunction{LossKind::huber, 0.1F, 0.5F}));
    task.layers = {dense(20), block, block, dense(3)};
    expect_the_cpus(task, 2e-5, "mean squared error and Huber loss");
    task.loss = mse();
    expect_the_cpus(task, 2e-5, "mean squared error");
    task.layers.push_back(sigmoid());
    task.y = random_tensor({41, 3}, 4);
    task.loss = std::make_shared<SumOfLosses>(LossFunction{LossKind::binary_cross_entropy},
                                              LossFunction{LossKind::mean_absolute_error, 0, 3.0F});
    expect_the_cpus(task, 2e-5, "binary cross-entropy and mean absolute error");
  }
}

TEST_F(CudaFunctions, AnActivationOfTheProgramsOwnIsRefusedByName) {
  const LayerPtr cube = activation(
      "cube", [](float x) { return x * x * x; }, [](float x) { return 3 * x * x; });
  Model model(10, {dense(16), cube, dense(3), softmax()}, {.seed = 1});
  const Tensor x = random_tensor({64, 10}, 1);
  Trainer on_cuda(model, cross_entropy(), adam(), open("cuda"));
  EXPECT_EQ(message_of<InvalidArgument>([&] { on_cuda.fit(x, labels_of(x, 3)); }),
            "cuda:0 cannot run cube of cube_1. [MN-U03]\n"
            "  evidence: the activation \"cube\" is a function of this program, which only the CPU "
            "can run\n"
            "  effect:   nothing was run");
  // In a prediction it is part of the product before it.
  EXPECT_NE(message_of<InvalidArgument>([&] { on_cuda.predict(x); })
                .find("cuda:0 cannot run linear+bias+cube of dense_1. [MN-U03]\n"
                      "  evidence: the activation \"cube\" is a function of this program"),
            std::string::npos);
  EXPECT_EQ(on_cuda.steps(), 0);
}

using CudaFunctionsOverFakes = OverFakes;

TEST_F(CudaFunctionsOverFakes, ExplainSaysWhoComputesAnActivation) {
  Task task = task_of(17, mse());
  task.layers = {dense(129), tanh(),   dense(20), gelu(), dense(20, {.bias = false}),
                 elu(0.5F),  dense(17)};
  const auto expect = [&](const std::string& text, std::string_view line) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  };
  const std::string fused = explained(task);
  expect(fused,
         "  linear+bias+tanh  dense_1  (cuBLASLt, own kernel for bias and tanh, as no epilogue has "
         "it)\n");
  // Its slope is one of the input, which stays in memory.
  expect(fused, "  linear+bias  dense_2  (cuBLASLt, bias in the epilogue)\n");
  expect(fused, "  gelu  gelu_1  (own kernel)\n");
  expect(
      fused,
      "  linear+elu(0.5)  dense_3  (cuBLASLt, own kernel for elu(0.5), as no epilogue has it)\n");
  expect(fused,
         "  linear_input_grad+elu(0.5)_grad  dense_4  (cuBLASLt, own kernel for the elu(0.5) "
         "gradient, as no epilogue has it)\n");
  expect(fused, "  linear_input_grad+gelu_grad  dense_3  (cuBLASLt, own kernel for the gelu ");
  expect(fused, "  mean squared error  (own kernel)\n");
}

TEST_F(CudaFunctionsOverFakes, CudnnIsNotAskedForWhatItsGraphsHaveNot) {
  const Device device = open("cuda", {.precision = Precision::bf16, .tune = true});
  Program program(33, {{.name = "weight", .rows = 256, .cols = 512, .given = {}}});
  const ValueId product = program.linear(program.input("x", 33, 512), program.parameter(0));
  program.keep(program.activate({ActivationKind::tanh}, product));
  const auto arena = device.backend().create_arena(program.parameters(), 0);
  const std::string explained = device.backend().compile(fuse(program), *arena)->explain();
  EXPECT_NE(
      explained.find("  linear+tanh  (cuDNN not asked: no graph of minnow's has tanh; timed: "),
      std::string::npos)
      << explained;
  EXPECT_EQ(fake().launches("cudnnBackendExecute"), 0);
}

TEST_F(CudaFunctionsOverFakes, TheLastLayersKernelTakesAnyLossAndActivation) {
  for (const Activation& f : all_activations()) {
    Task task = task_of(1, binary_cross_entropy());
    task.layers = {dense(20), activation(f), dense(1), sigmoid()};
    const std::string text = explained(task);
    for (const std::string& line :
         {std::string("  linear+bias  dense_2  (own kernel, with the loss)\n"),
          std::string("  binary cross-entropy  (done by linear+bias  dense_2)\n"),
          "  linear_input_grad+" + text_of(f) +
              "_grad  dense_2  (done by linear+bias  dense_2)\n"}) {
      if (f.kind == ActivationKind::identity) continue;
      EXPECT_NE(text.find(line), std::string::npos) << line << text;
    }
  }
}

// Its terms are added in their order, and the kernel of the last layer comes early.
TEST_F(CudaFunctionsOverFakes, ASumOfLossesIsNotMergedWithTheLastLayer) {
  Task task =
      task_of(3, std::make_shared<SumOfLosses>(LossFunction{LossKind::mean_squared_error},
                                               LossFunction{LossKind::mean_absolute_error}));
  const std::string text = explained(task);
  EXPECT_NE(text.find("  mean squared error  (own kernel)\n"
                      "  mean absolute error  (own kernel)\n"
                      "  add  (own kernel)\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace minnow::testing
