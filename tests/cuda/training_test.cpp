// Training through the plugin: the same numbers as on the CPU, in every precision, run after run.
// Over the fakes and on a GPU.

#include <stop_token>
#include <thread>

#include "training.h"

namespace minnow::testing {
namespace {

class CudaTraining : public OnCuda {};

TEST_F(CudaTraining, GivesTheCpusNumbers) {
  for (const Net& net : nets()) {
    for (const auto& optimizer : {adam(), adam({.preset = AdamPreset::torch}),
                                  sgd({.learning_rate = 0.05F, .momentum = 0.9F}), sgd()}) {
      for (const bool fuse : {true, false}) {
        const Trained cpu = train(net, open("cpu"), {.optimizer = optimizer, .fuse = fuse});
        const Trained cuda = train(net, open("cuda"), {.optimizer = optimizer, .fuse = fuse});
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
          Trainer trainer(model, loss_of(net), sgd({.learning_rate = 0.5F}), open(device));
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
    if (!faked()) continue;  // a real library may refuse an epilogue
    EXPECT_NE(tuned.explained.find("(timed: cuBLASLt, bias gradient in the epilogue "),
              std::string::npos)
        << tuned.explained;
    EXPECT_NE(tuned.explained.find(" us | cuBLASLt, own kernel for the bias gradient "),
              std::string::npos)
        << tuned.explained;
  }
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
    EXPECT_LE(difference(a, b), 1e-6);
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

}  // namespace
}  // namespace minnow::testing
