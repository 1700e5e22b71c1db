// What a step becomes on the device: how many launches, which library computes what, and what is
// done when it refuses or is wrong.

#include <optional>
#include <thread>

#include "training.h"

namespace minnow::testing {
namespace {

class CudaLowering : public OverFakes {};

TEST_F(CudaLowering, EveryRefusedEpilogueIsMadeUpFor) {
  const Net net{13, {129, 20}, 17, true};
  const Trained cpu = train(net, open("cpu"));
  for (const char* refused :
       {"4", "6", "134", "136", "152", "512", "134+6", "134+136", "4+6+134+136+152+512"}) {
    fake().config(std::string("lt_refuse=") + refused);
    const Trained cuda = train(net, open("cuda"));
    expect_close(cuda, cpu, 2e-5);
  }
}

TEST_F(CudaLowering, AStepHasFewNodesAndNoHostCallButTheLaunch) {
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

TEST_F(CudaLowering, TuningRulesOutAWayThatIsWrong) {
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

TEST_F(CudaLowering, AnAlgorithmThatDoesNotRunIsPassedOver) {
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

TEST_F(CudaLowering, CudnnsGraphsAreTimedWhereTheFactorsMayBeRounded) {
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

TEST_F(CudaLowering, StrictFp32IsProvedFromTheAlgorithm) {
  const Net net{13, {129, 20}, 17, true};
  const Trained plain = train(net, open("cuda"));
  fake().config("lt_tf32=1");  // the first algorithm that is offered rounds
  const Trained offered = train(net, open("cuda"));
  EXPECT_EQ(offered.weights, plain.weights);
  EXPECT_EQ(offered.explained, plain.explained);
}

TEST_F(CudaLowering, PredictionsUseCudnnWhereItIsWhole) {
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

// A call on a thread that has used no GPU would start CUDA on the first one, which takes memory
// there.
TEST_F(CudaLowering, FreesMemoryOnTheGpuItWasTakenFrom) {
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
