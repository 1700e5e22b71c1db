// Training through the plugin: the same numbers as on the CPU, in every tier, with every epilogue
// refused, in every precision; and how many launches a step takes.

#include <cmath>
#include <optional>
#include <stop_token>
#include <thread>

#include "fake.h"
#include "problems.h"

namespace minnow::testing {
namespace {

struct Trained {
  std::vector<double> losses;
  std::vector<float> weights;
  Tensor predictions;
  std::string explained;
};

struct Net {
  std::int64_t inputs;
  std::vector<std::int64_t> hidden;
  std::int64_t outputs;
  bool classifier;
};

Model model_of(const Net& net) {
  std::vector<LayerPtr> layers;
  for (const std::int64_t units : net.hidden) {
    layers.push_back(dense(units));
    layers.push_back(relu());
  }
  layers.push_back(dense(net.outputs));
  if (net.classifier) layers.push_back(softmax());
  return Model(net.inputs, std::move(layers), {.seed = 3});
}

/// Two epochs of 3 batches and a partial one, with validation; then predictions.
Trained train(const Net& net, const Device& device, const OptimizerPtr& optimizer = adam(),
              TrainerOptions options = {}) {
  const Tensor x = random_tensor({107, net.inputs}, 1);
  const Tensor y = net.classifier ? labels_of(x, std::min(net.inputs, net.outputs))
                                  : random_tensor({107, net.outputs}, 2);
  Model model = model_of(net);
  Trainer trainer(model, net.classifier ? cross_entropy() : mse(), optimizer, device, options);
  Trained result;
  const History history =
      trainer.fit(x, y, {.epochs = 2, .batch_size = 32, .validation_split = 0.1});
  for (const EpochResult& epoch : history.epochs) {
    result.losses.push_back(epoch.train.loss);
    result.losses.push_back(epoch.validation->loss);
  }
  result.weights = all_weights(model);
  result.predictions = trainer.predict(x);
  result.explained = trainer.explain(32);
  return result;
}

/// What a step of 32 rows becomes.
std::string explained(const Net& net, const Device& device) {
  Model model = model_of(net);
  return Trainer(model, net.classifier ? cross_entropy() : mse(), adam(), device).explain(32);
}

void expect_close(const Trained& a, const Trained& b, double tolerance) {
  ASSERT_EQ(a.losses.size(), b.losses.size());
  for (std::size_t i = 0; i < a.losses.size(); ++i) {
    EXPECT_NEAR(a.losses[i], b.losses[i], tolerance * (1 + std::abs(a.losses[i]))) << i;
  }
  EXPECT_LE(difference(a.weights, b.weights), tolerance);
  const auto left = a.predictions.data<float>();
  const auto right = b.predictions.data<float>();
  EXPECT_LE(difference({left.begin(), left.end()}, {right.begin(), right.end()}), tolerance);
}

const std::vector<Net>& nets() {
  static const std::vector<Net> all{
      {10, {10}, 1, false}, {784, {16}, 10, true}, {7, {31, 33}, 5, true}, {13, {129}, 17, true},
      {5, {}, 3, false},    {33, {1, 7}, 2, true}, {40, {600}, 10, true}};
  return all;
}

class CudaTraining : public OverFakes {};

TEST_F(CudaTraining, GivesTheCpusNumbers) {
  for (const Net& net : nets()) {
    for (const auto& optimizer : {adam(), adam({.preset = AdamPreset::torch}),
                                  sgd({.learning_rate = 0.05F, .momentum = 0.9F}), sgd()}) {
      for (const bool fuse : {true, false}) {
        const Trained cpu = train(net, open("cpu"), optimizer, {.fuse = fuse});
        const Trained cuda = train(net, open("cuda"), optimizer, {.fuse = fuse});
        expect_close(cuda, cpu, 2e-5);
        EXPECT_NE(cuda.explained.find("captured graph"), std::string::npos) << cuda.explained;
      }
    }
  }
}

// One kernel or several, as rows, inputs and outputs of the last layer have it.
TEST_F(CudaTraining, TheLastLayerLearnsInEveryShape) {
  for (const std::int64_t rows : {1, 7, 33, 64, 65, 129}) {
    for (const std::int64_t width : {1, 10, 129, 512, 513}) {
      for (const std::int64_t outputs : {1, 10, 16, 17}) {
        if (kSanitized && rows * width * outputs > 1 << 16) continue;
        const Tensor x = random_tensor({rows, 6}, 1);
        const Tensor y = outputs == 1 ? random_tensor({rows, 1}, 2) : labels_of(x, 6);
        const Net net{6, {width}, outputs, outputs > 1};
        std::vector<std::vector<float>> weights;
        for (const char* device : {"cpu", "cuda"}) {
          Model model = model_of(net);
          Trainer trainer(model, net.classifier ? cross_entropy() : mse(),
                          sgd({.learning_rate = 0.5F}), open(device));
          for (int step = 0; step < 3; ++step) trainer.step(x, y);
          weights.push_back(all_weights(model));
        }
        EXPECT_LE(difference(weights[1], weights[0]), 2e-6)
            << rows << " rows, " << width << " wide, " << outputs << " outputs";
      }
    }
  }
}

TEST_F(CudaTraining, SameSeedSameBits) {
  for (const Net& net : nets()) {
    const Trained first = train(net, open("cuda"));
    const Trained second = train(net, open("cuda"));
    EXPECT_EQ(first.weights, second.weights);
    EXPECT_EQ(first.losses, second.losses);
  }
}

TEST_F(CudaTraining, EveryRefusedEpilogueIsMadeUpFor) {
  const Net net{13, {129, 20}, 17, true};
  const Trained cpu = train(net, open("cpu"));
  for (const char* refused :
       {"4", "6", "134", "136", "152", "512", "134+6", "134+136", "4+6+134+136+152+512"}) {
    fake().config(std::string("lt_refuse=") + refused);
    const Trained cuda = train(net, open("cuda"));
    expect_close(cuda, cpu, 2e-5);
  }
}

TEST_F(CudaTraining, AStepHasFewNodesAndNoHostCallButTheLaunch) {
  Model model(784, {dense(128), relu(), dense(10), softmax()}, {.seed = 1});
  Trainer trainer(model, cross_entropy(), adam(), open("cuda"));
  const std::string explained = trainer.explain(32);
  EXPECT_NE(explained.find("cuda:0: captured graph, fp32, 6 nodes per step, up to 32 steps"),
            std::string::npos)
      << explained;
  const auto calls_of = [&](std::int64_t rows) {
    const Tensor x = random_tensor({rows, 784}, 1);
    const Tensor y = labels_of(x, 10);
    fake().config("");
    trainer.fit(x, y, {.batch_size = 32});
    return std::pair(fake().calls() - fake().calls("cudaGraphLaunch"), fake().launches());
  };
  calls_of(64 * 32);  // compiled, and the pace of run() found
  const auto [few_calls, few_launches] = calls_of(32);
  const auto [many_calls, many_launches] = calls_of(2 * 32);
  EXPECT_EQ(few_launches, 6);
  EXPECT_EQ(many_launches, 2 * 6);
  EXPECT_EQ(many_calls, few_calls);
}

TEST_F(CudaTraining, TuningTimesTheWaysAndKeepsTheNumbers) {
  for (const Net& net : nets()) {
    if (kSanitized && net.inputs > 100) continue;
    const Trained cpu = train(net, open("cpu"));
    const Trained tuned = train(net, open("cuda", {.tune = true}));
    expect_close(tuned, cpu, 2e-5);
    if (net.hidden.empty()) {  // one kernel of ours makes all of its products
      EXPECT_EQ(tuned.explained.find("cuBLASLt"), std::string::npos) << tuned.explained;
      continue;
    }
    EXPECT_NE(tuned.explained.find("(timed: cuBLASLt, bias gradient in the epilogue "),
              std::string::npos)
        << tuned.explained;
    EXPECT_NE(tuned.explained.find(" us | cuBLASLt, own kernel for the bias gradient "),
              std::string::npos)
        << tuned.explained;
  }
}

TEST_F(CudaTraining, TuningRulesOutAWayThatIsWrong) {
  const Net net{13, {129, 20}, 17, true};
  const Trained cpu = train(net, open("cpu"));
  for (const char* wrong : {"134+6", "136+152", "512"}) {
    fake().config(kQuick + ";lt_wrong=" + wrong);
    const Trained tuned = train(net, open("cuda", {.tune = true}));
    expect_close(tuned, cpu, 2e-5);
    EXPECT_NE(tuned.explained.find(" in the epilogue wrong by 0.1"), std::string::npos)
        << tuned.explained;
  }
}

TEST_F(CudaTraining, AnAlgorithmThatDoesNotRunIsPassedOver) {
  const Net net{13, {129, 20}, 17, true};
  const Trained cpu = train(net, open("cpu"));
  fake().config("cublasLtMatmul@1=15");
  const std::string passed = explained(net, open("cuda"));
  EXPECT_NE(passed.find("(cuBLASLt, bias and ReLU in the epilogue refused: cublasLtMatmul -> 15 "
                        "CUBLAS_STATUS_NOT_SUPPORTED (the requested functionality is not "
                        "supported); cuBLASLt, bias and ReLU in the epilogue, choice 2)"),
            std::string::npos)
      << passed;
  fake().config("cublasLtMatmul@1=15");
  expect_close(train(net, open("cuda")), cpu, 2e-5);
}

TEST_F(CudaTraining, CudnnsGraphsAreTimedWhereTheFactorsMayBeRounded) {
  const Net net{784, {200}, 10, true};
  const Trained exact = train(net, open("cuda"));
  const Device tuning = open("cuda", {.precision = Precision::bf16, .tune = true});
  const Trained tuned = train(net, tuning);
  expect_close(tuned, exact, 0.05);
  EXPECT_NE(tuned.explained.find(" us | cuDNN graph, bias and ReLU fused "), std::string::npos)
      << tuned.explained;
  EXPECT_GT(fake().launches("cudnnBackendExecute"), 0);
  fake().config(kQuick + ";dnn_graph=0");
  const std::string without = explained(net, tuning);
  EXPECT_NE(without.find("cuDNN refused: "), std::string::npos) << without;
  const std::string strict = explained(net, open("cuda", {.tune = true}));
  EXPECT_EQ(strict.find("cuDNN"), std::string::npos) << strict;
}

TEST_F(CudaTraining, StrictFp32IsProvedFromTheAlgorithm) {
  const Net net{13, {129, 20}, 17, true};
  const Trained plain = train(net, open("cuda"));
  fake().config("lt_tf32=1");  // the first algorithm that is offered rounds
  const Trained offered = train(net, open("cuda"));
  EXPECT_EQ(offered.weights, plain.weights);
  EXPECT_EQ(offered.explained, plain.explained);
}

TEST_F(CudaTraining, RoundedPrecisionsStayNear) {
  for (const Net& net : nets()) {
    const Trained exact = train(net, open("cuda"));
    const Trained tf32 = train(net, open("cuda", {.precision = Precision::tf32}));
    expect_close(tf32, exact, 5e-3);
    const Trained bf16 = train(net, open("cuda", {.precision = Precision::bf16}));
    EXPECT_NE(bf16.explained.find("bf16"), std::string::npos);
    for (std::size_t i = 0; i < exact.losses.size(); ++i) {
      EXPECT_NEAR(bf16.losses[i], exact.losses[i], 0.05 * (1 + exact.losses[i]));
    }
    EXPECT_NE(bf16.weights, exact.weights);
    EXPECT_LE(difference(bf16.weights, exact.weights), 0.05);
  }
}

TEST_F(CudaTraining, EarlyStoppingAndStopRequests) {
  const Net net{10, {16}, 3, true};
  const Tensor x = random_tensor({200, 10}, 1);
  const Tensor y = labels_of(x, 3);
  const auto fit = [&](const char* name) {
    Model model = model_of(net);
    Trainer trainer(model, cross_entropy(), adam({.learning_rate = 0.3F}), open(name));
    return trainer.fit(
        x, y,
        {.epochs = 50, .validation_split = 0.2, .early_stopping = EarlyStopping{.patience = 2}});
  };
  const History cuda = fit("cuda"), cpu = fit("cpu");
  EXPECT_EQ(cuda.end, FitEnd::early_stopping);
  EXPECT_EQ(cuda.end, cpu.end);

  Model model = model_of(net);
  Trainer trainer(model, cross_entropy(), adam(), open("cuda"));
  std::stop_source source;
  FitOptions options{.epochs = 10, .stop = source.get_token()};
  options.on_batch_end = [&](const BatchResult& batch) {
    if (batch.epoch == 2 && batch.batch == 3) source.request_stop();
  };
  const History stopped = trainer.fit(x, y, options);
  EXPECT_EQ(stopped.end, FitEnd::stopped);
  EXPECT_EQ(stopped.steps, 7 + 3);
  EXPECT_EQ(trainer.steps(), 10);
}

TEST_F(CudaTraining, PredictionsUseCudnnWhereItIsWhole) {
  const Tensor x = random_tensor({40, 10}, 1);
  const auto predict = [&] {
    Model model = small_classifier();
    Trainer trainer(model, cross_entropy(), adam(), open("cuda"));
    const Tensor out = trainer.predict(x);
    return std::vector<float>(out.data<float>().begin(), out.data<float>().end());
  };
  const auto with = predict();
  EXPECT_GT(fake().launches("cudnnSoftmaxForward"), 0);
  for (const char* broken : {"dnn=90000", "cudnnCreate=1001", "cudnnOpsVersionCheck=1002",
                             "cudnnGraphVersionCheck=3009"}) {
    fake().config(broken);
    const auto without = predict();
    EXPECT_EQ(fake().launches("cudnnSoftmaxForward"), 0) << broken;
    EXPECT_GT(fake().launches("softmax"), 0) << broken;
    EXPECT_LE(difference(with, without), 1e-6) << broken;
  }
}

TEST_F(CudaTraining, OneRowAndBatchesFromTheHost) {
  const Net net{10, {16}, 3, true};
  Model on_cuda = model_of(net), on_cpu = model_of(net);
  Trainer cuda(on_cuda, cross_entropy(), adam(), open("cuda"));
  Trainer cpu(on_cpu, cross_entropy(), adam(), open("cpu"));
  for (std::uint64_t batch = 0; batch < 5; ++batch) {
    const Tensor x = random_tensor({batch == 3 ? 7 : 16, 10}, batch + 1);
    const Tensor y = labels_of(x, 3);
    EXPECT_NEAR(cuda.step(x, y).loss, cpu.step(x, y).loss, 1e-5);
  }
  EXPECT_LE(difference(all_weights(on_cuda), all_weights(on_cpu)), 1e-5);
  const std::vector<float> row(10, 0.25F);
  for (int i = 0; i < 3; ++i) {
    const auto a = cuda.predict_row(row), b = cpu.predict_row(row);
    EXPECT_LE(difference({a.begin(), a.end()}, {b.begin(), b.end()}), 1e-6);
  }
}

TEST_F(CudaTraining, ThreadsShareADevice) {
  const Device device = open("cuda");
  const std::vector<Net> some{nets()[0], nets()[2]};
  std::vector<Trained> alone, together(some.size());
  for (const Net& net : some) alone.push_back(train(net, device));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < some.size(); ++i) {
    threads.emplace_back([&, i] { together[i] = train(some[i], device); });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < some.size(); ++i) EXPECT_EQ(together[i].weights, alone[i].weights);
}

// A call on a thread that has used no GPU would start CUDA on the first one, which takes memory
// there.
TEST_F(CudaTraining, FreesMemoryOnTheGpuItWasTakenFrom) {
  fake().config(kQuick + ";devices=2");
  Model model = model_of(nets()[0]);
  std::optional<Trainer> trainer;
  const Device device = open("cuda:1");
  trainer.emplace(model, mse(), adam(), device);
  trainer->predict(random_tensor({8, 10}, 1));
  const long before = fake().calls("cudaSetDevice");
  std::thread([&] { trainer.reset(); }).join();
  EXPECT_GT(fake().calls("cudaSetDevice"), before);
}

}  // namespace
}  // namespace minnow::testing
