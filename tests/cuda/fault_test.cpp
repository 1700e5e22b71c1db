// Every call of a vendor's library can fail, once or for good. Each time: a right result or a typed
// error, nothing leaks, and nothing throws from a destructor.

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "fake.h"
#include "message_of.h"
#include "trained.h"

namespace minnow::testing {
namespace {

class CudaFaults : public OverFakes {
 protected:
  static Tensor x() { return random_tensor({70, 10}, 1); }

  /// An epoch with a partial batch and validation; an evaluation of 45 steps, 32 of them as one
  /// unrolled graph; predictions. Batches are reported, so that no clock decides how runs are cut.
  static std::vector<float> train() {
    Model model(10, {dense(20), relu(), dense(18), relu(), dense(3), softmax()}, {.seed = 1});
    Trainer trainer(model, cross_entropy(), adam(), open("cuda"));
    const Tensor rows = random_tensor({90, 10}, 1);
    const Tensor labels = labels_of(rows, 3);
    FitOptions options{.batch_size = 32, .validation_split = 0.1};
    options.on_batch_end = [](const BatchResult&) {};
    trainer.fit(rows, labels, options);
    const Evaluation evaluation = trainer.evaluate(rows, labels, 2);
    const Tensor out = trainer.predict(rows);
    std::vector<float> result = all_weights(model);
    result.push_back(static_cast<float>(evaluation.loss));
    result.insert(result.end(), out.data<float>().begin(), out.data<float>().end());
    return result;
  }

  /// Whether the run ended in a typed error; a result must be the right one.
  bool fails(const std::string& config, const std::vector<float>& expected) {
    fake().config(config);
    bool failed = false;
    try {
      const std::vector<float> result = train();
      EXPECT_LE(difference(result, expected), 1e-5) << config;
    } catch (const Error& error) {
      failed = true;
      EXPECT_NE(error.code(), Code()) << config;
      EXPECT_NE(error.cause(), "") << config;
      EXPECT_NE(error.evidence(), "") << config << ": " << error.what();
    }
    EXPECT_EQ(fake().live_objects(), 0) << config << ": " << fake().live_report();
    return failed;
  }
};

TEST_F(CudaFaults, FailTheNthCallOnceAndForGood) {
  fake().config(kQuick);
  const std::vector<float> expected = train();
  const long calls = fake().calls();
  ASSERT_GT(calls, 100);
  EXPECT_EQ(fake().launches("gather"), 3 + 1 + 45 + 6);  // fit, validation, evaluation, predictions
  EXPECT_EQ(fake().graph_launches(), 3 + 1 + (1 + 13) + 6);
  int injected = 0, errors = 0;
  const auto sweep = [&](const char* persistence, const char* sticky, long step) {
    for (long n = 1; n <= calls; n += step) {
      const std::string fault = "call@" + std::to_string(n) + persistence + "=auto" + sticky;
      errors += fails(kQuick + ";" + fault, expected) ? 1 : 0;
      ++injected;
      ASSERT_FALSE(HasFailure()) << fault;
    }
  };
#ifdef __SANITIZE_ADDRESS__
  constexpr long kStep = 29;  // a run takes thirty times as long: threads are fibers
#else
  constexpr long kStep = 1;
#endif
  sweep("", "", kStep);
  sweep("+", "", kStep);
  sweep("", "!", 5 * kStep);
  RecordProperty("injected", injected);
  std::printf("%d failures injected into a run of %ld calls: %d typed errors, %d right results\n",
              injected, calls, errors, injected - errors);
}

// The ways to compute a product are tried and timed: one that is refused is out.
TEST_F(CudaFaults, WhileProductsAreTimed) {
  const auto compile = [] {
    Model model(5, {dense(7), relu(), dense(18), softmax()}, {.seed = 1});
    return Trainer(model, cross_entropy(), adam(), open("cuda", {.tune = true})).explain(8);
  };
  fake().config(kQuick);
  EXPECT_NE(compile().find("timed: "), std::string::npos);
  const long calls = fake().calls();
  const long stride = calls / (kSanitized ? 10 : 100);
  int injected = 0, errors = 0;
  for (const char* how : {"=auto", "+=auto", "=auto!"}) {
    for (long n = 1; n <= calls; n += stride) {
      const std::string fault = kQuick + ";call@" + std::to_string(n) + how;
      fake().config(fault);
      try {
        EXPECT_NE(compile().find("linear+bias+relu  dense_1  ("), std::string::npos) << fault;
      } catch (const Error& error) {
        ++errors;
        EXPECT_NE(error.code(), Code()) << fault;
        EXPECT_NE(error.evidence(), "") << fault;
      }
      EXPECT_EQ(fake().live_objects(), 0) << fault << ": " << fake().live_report();
      ++injected;
      if (HasFailure()) return;
    }
  }
  std::printf("%d failures injected into a compilation of %ld calls: %d typed errors\n", injected,
              calls, errors);
}

// With "auto" a call that fails costs nothing but time: once, for good, or with the device.
TEST_F(CudaFaults, UnderAutoEveryFitEndsInTheRightResult) {
  const Tensor rows = random_tensor({90, 10}, 1);
  const Tensor labels = labels_of(rows, 3);
  int on_the_gpu = 0, fallbacks = 0, retried = 0, sliced = 0;
  const auto fit = [&] {
    Model model(10, {dense(20), relu(), dense(3), softmax()}, {.seed = 1});
    Trainer trainer(model, cross_entropy(), adam(), open("auto"));
    FitOptions options{.epochs = 2, .batch_size = 32, .validation_split = 0.1};
    options.snapshot.steps = 2;
    options.on_batch_end = [](const BatchResult&) {};
    const History history = trainer.fit(rows, labels, options);
    EXPECT_EQ(history.steps, 6);
    const RunReport& report = trainer.report();
    on_the_gpu += report.device_used == "cuda:0" ? 1 : 0;
    fallbacks += report.fallback ? 1 : 0;
    retried += report.retries > 0 ? 1 : 0;
    sliced += report.microbatch > 0 ? 1 : 0;
    std::vector<float> result = all_weights(model);
    for (const EpochResult& epoch : history.epochs) {
      result.push_back(static_cast<float>(epoch.train.loss));
      result.push_back(static_cast<float>(epoch.validation->loss));
    }
    return result;
  };
  fake().config(kQuick);
  const std::vector<float> expected = fit();
  const long calls = fake().calls();
  on_the_gpu = 0;
  int injected = 0;
#ifdef __SANITIZE_ADDRESS__
  constexpr long kStep = 7;
#else
  constexpr long kStep = 1;
#endif
  for (const char* how : {"=auto", "+=auto", "=auto!"}) {
    for (long n = 1; n <= calls; n += kStep) {
      const std::string fault = kQuick + ";call@" + std::to_string(n) + how;
      fake().config(fault);
      try {
        EXPECT_LE(difference(fit(), expected), 2e-5) << fault;
      } catch (const std::exception& error) {
        ADD_FAILURE() << fault << ": " << error.what();
      }
      EXPECT_EQ(fake().live_objects(), 0) << fault << ": " << fake().live_report();
      ++injected;
      if (HasFailure()) return;
    }
  }
  std::printf(
      "%d failures injected into a fit of %ld calls: all right; %d ended on the GPU, %d "
      "fell back in it, %d freed memory, %d went on in slices\n",
      injected, calls, on_the_gpu, fallbacks, retried, sliced);
  EXPECT_GT(on_the_gpu, 0);
  EXPECT_GT(fallbacks, injected / 2);
  EXPECT_GT(retried, 0);
}

TEST_F(CudaFaults, KernelsThatFailAreNamed) {
  const std::vector<float> expected = train();
  for (const char* kernel : {"gather", "begin_update", "cuda::update<", "head", "cublasLtMatmul"}) {
    EXPECT_TRUE(fails(std::string("kernel:") + kernel + "@3=700!", expected)) << kernel;
    EXPECT_TRUE(fails(std::string("kernel:") + kernel + "@3=719!", expected)) << kernel;
  }
  // An error that is not for good: the step is run once more, op by op, and the failing one named.
  fake().config("kernel:gather@2+=9");
  const std::string message = message_of<DeviceError>([] { train(); });
  EXPECT_NE(message.find("cuda:0 refused a call while running gather."), std::string::npos)
      << message;
  EXPECT_NE(message.find("9 cudaErrorInvalidConfiguration"), std::string::npos) << message;
}

TEST_F(CudaFaults, ALostDeviceSaysSoEachTimeAndHarmsNobody) {
  Model model = small_classifier();
  const auto before = all_weights(model);
  {
    Trainer trainer(model, cross_entropy(), adam(), open("cuda"));
    const Tensor rows = x(), labels = labels_of(rows, 3);
    trainer.step(rows, labels);
    fake().config("cudaStreamSynchronize@1=700!");
    try {
      trainer.step(rows, labels);
      FAIL();
    } catch (const DeviceError& error) {
      EXPECT_TRUE(error.lost());
      EXPECT_EQ(error.call(), "cudaStreamSynchronize");
      EXPECT_EQ(error.code(), Code("MN-K01"));
      EXPECT_EQ(error.cause(), "cuda:0 stopped working for this process while running steps.");
      EXPECT_NE(error.evidence().find("700 cudaErrorIllegalAddress"), std::string::npos);
      EXPECT_NE(error.remedy().find("restart the program"), std::string::npos);
    }
    const std::string again = message_of<DeviceError>([&] { trainer.step(rows, labels); });
    EXPECT_NE(again.find("cuda:0 stopped working for this process before "), std::string::npos)
        << again;
    EXPECT_THROW(trainer.predict(rows), DeviceError);
    EXPECT_THROW(all_weights(model), DeviceError);
  }
  // The device took its weights along; the host's are those from before.
  EXPECT_EQ(all_weights(model), before);
  fake().config("");
}

TEST_F(CudaFaults, AForkedProcessIsToldThatCudaStaysBehind) {
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), open("cuda"));
  const Tensor rows = x(), labels = labels_of(rows, 3);
  trainer.step(rows, labels);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const long calls = fake().calls();
    std::string message;
    try {
      trainer.step(rows, labels);
    } catch (const DeviceUnavailable& error) {
      message = error.what();
    } catch (...) {
    }
    const bool told =
        message.find("minnow was forked after CUDA was initialised (parent pid ") == 0;
    _exit(told && trainer.device().health() && fake().calls() == calls ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_NO_THROW(trainer.step(rows, labels));
}

TEST_F(CudaFaults, BrokenMemoryIsToldApartFromAMistake) {
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), open("cuda"));
  const Tensor rows = x(), labels = labels_of(rows, 3);
  trainer.step(rows, labels);
  fake().config("cudaStreamSynchronize@1=214!");
  const std::string message = message_of<DeviceError>([&] { trainer.step(rows, labels); });
  EXPECT_EQ(message.find("cuda:0 failed as hardware while running steps. [MN-K02]\n  evidence: "
                         "cudaStreamSynchronize -> 214 cudaErrorECCUncorrectable ("),
            0U)
      << message;
  ASSERT_TRUE(trainer.device().health());
  EXPECT_EQ(trainer.device().health()->code, Code("MN-K02"));
  EXPECT_NE(message.find("remedy:   look at nvidia-smi -q -d ECC,PAGE_RETIREMENT and for Xid in "
                         "dmesg\n"),
            std::string::npos)
      << message;
}

TEST_F(CudaFaults, OutOfMemoryIsToldApartAndCarriesTheNumbers) {
  fake().config("mem=40M");
  Model model(784, {dense(2048), relu(), dense(2048), relu(), dense(10), softmax()}, {.seed = 1});
  const Device device = open("cuda");
  try {
    Trainer trainer(model, cross_entropy(), adam(), device);
    trainer.predict(random_tensor({1, 784}, 1));
    FAIL();
  } catch (const ResourceExhausted& error) {
    EXPECT_EQ(error.code(), Code("MN-M02"));
    EXPECT_GT(error.needed_bytes(), std::int64_t{40} << 20);
    EXPECT_GT(error.free_bytes(), 0);
    EXPECT_LE(error.free_bytes(), std::int64_t{40} << 20);
    EXPECT_NE(error.evidence().find("cudaMalloc("), std::string::npos) << error.what();
    EXPECT_NE(error.evidence().find("MiB free"), std::string::npos) << error.what();
  }
  // The device goes on: a model that fits trains on it.
  Model small = small_classifier();
  Trainer trainer(small, cross_entropy(), adam(), device);
  const Tensor rows = x();
  EXPECT_NO_THROW(trainer.fit(rows, labels_of(rows, 3)));
}

TEST_F(CudaFaults, ACaptureThatIsRefusedLeavesThePlainStream) {
  const std::vector<float> expected = train();
  for (const char* fault :
       {"cudaStreamBeginCapture=900", "cudaStreamEndCapture=901", "cudaGraphInstantiate=801"}) {
    fake().config(fault);
    EXPECT_LE(difference(train(), expected), 1e-5) << fault;
    Model model = small_classifier();
    Trainer trainer(model, cross_entropy(), adam(), open("cuda"));
    const std::string explained = trainer.explain(32);
    EXPECT_EQ(explained.find("cuda:0: plain stream, fp32\n"), 0U) << explained;
    EXPECT_NE(explained.find("  not as a captured graph: cuda"), std::string::npos) << explained;
  }
}

TEST_F(CudaFaults, WithoutPinnedMemoryResultsComeThroughPageable) {
  const std::vector<float> expected = train();
  fake().config("cudaMallocHost=2");
  EXPECT_EQ(train(), expected);
}

TEST_F(CudaFaults, ALearningRateThatExplodesChangesNoWeight) {
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), sgd({.learning_rate = 1e30F}), open("cuda"));
  const Tensor rows = x();
  EXPECT_THROW(trainer.fit(rows, labels_of(rows, 3), {.epochs = 50}), NumericError);
  for (const float weight : all_weights(model)) EXPECT_TRUE(std::isfinite(weight));
}

}  // namespace
}  // namespace minnow::testing
