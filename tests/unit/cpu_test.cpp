// What the CPU backend promises beside right numbers: any instruction set, no denormals, the
// caller's floating-point settings untouched.

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <algorithm>
#include <cfloat>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <optional>

#include "problems.h"
#include "with_isa.h"

namespace minnow::testing {
namespace {

TEST(CpuTest, InstructionSetsAgree) {
  const Tensor x = random_tensor({96, 784}, 1);
  const Tensor y = labels_of(x, 10);
  std::vector<std::vector<float>> results;
  std::vector<std::string> descriptions;
  for (const char* isa : {"v1", "v3", "v4"}) {
    const WithIsa environment(isa);
    Model model = wide_classifier();
    try {
      Trainer trainer(model, cross_entropy(), adam(), open("cpu"));
      trainer.fit(x, y, {.epochs = 3});
      descriptions.push_back(trainer.device().info().description);
    } catch (const DeviceUnavailable& error) {
      EXPECT_EQ(error.code(), Code("MN-D20"));  // an older processor
      continue;
    }
    results.push_back(all_weights(model));
  }
  ASSERT_GE(results.size(), 1U);
  EXPECT_EQ(descriptions[0].substr(0, 9), "x86-64-v1");
  for (const auto& result : results) {
    for (std::size_t i = 0; i < result.size(); ++i) ASSERT_NEAR(result[i], results[0][i], 2e-5);
  }
}

TEST(CpuTest, InstructionSetsAgreeOnOneOutput) {
  const Tensor x = random_tensor({75, 37}, 1), y = random_tensor({75, 1}, 2);
  std::vector<std::vector<float>> results;
  for (const char* isa : {"v1", "v3", "v4"}) {
    const WithIsa environment(isa);
    Model model(37, {dense(1), relu(), dense(21), relu(), dense(1)}, {.seed = 2});
    try {
      Trainer trainer(model, mse(), adam(), open("cpu"));
      trainer.fit(x, y, {.epochs = 3});
    } catch (const DeviceUnavailable&) {
      continue;
    }
    results.push_back(all_weights(model));
  }
  for (const auto& result : results) {
    for (std::size_t i = 0; i < result.size(); ++i) ASSERT_NEAR(result[i], results[0][i], 2e-6);
  }
}

// The kernels compute many rows of a shuffle at once: they are those of Permutation.
TEST(CpuTest, ShufflesAreThoseOfPermutation) {
  for (const char* isa : {"v1", "v3", "v4"}) {
    const WithIsa environment(isa);
    for (const std::int64_t rows : {1, 2, 5, 16, 17, 100, 257, 5000}) {
      std::optional<Device> device;
      try {
        device = open("cpu");
      } catch (const DeviceUnavailable&) {
        break;  // an older processor
      }
      for (const std::int64_t batch : {std::int64_t{1}, std::min<std::int64_t>(rows, 7), rows}) {
        Program program(batch, {});
        const ValueId x = program.gather(1, DType::f32, {}, TargetKind::none, 0);
        program.keep(x);
        const auto arena = device->backend().create_arena({}, 0);
        const auto executable = device->backend().compile(program, *arena);
        std::vector<float> numbers(static_cast<std::size_t>(rows));
        std::iota(numbers.begin(), numbers.end(), 0.0F);
        const auto data = device->backend().upload(numbers.data(), DType::f32, rows, 1);
        const std::int64_t position = rows / batch / 2 * batch;
        executable->bind({.x = data.get(),
                          .rows = rows,
                          .position = position,
                          .shuffle = true,
                          .seed = 3,
                          .epoch = 4});
        executable->run(1);
        executable->wait();
        std::vector<float> got(static_cast<std::size_t>(batch));
        executable->read(x, got);
        const Permutation expected(static_cast<std::uint64_t>(rows), 3, 4);
        for (std::int64_t i = 0; i < batch; ++i) {
          ASSERT_EQ(got[static_cast<std::size_t>(i)],
                    static_cast<float>(expected(static_cast<std::uint64_t>(position + i))))
              << isa << ", row " << i << " of " << rows << " by " << batch;
        }
      }
    }
  }
}

// Adam's estimates against double precision, over numbers of all sizes.
TEST(CpuTest, ApproximateUpdatesAreWithinTheirError) {
  constexpr std::int64_t kCount = 1 << 16;
  std::vector<float> gradients(kCount);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const auto words = random_words(5, 1, i);
    const float size = std::exp2(static_cast<float>(words.word[1] % 50) - 35.0F);
    gradients[i] = words.word[2] % 9 == 0 ? 0.0F : (to_unit_float(words.word[0]) - 0.5F) * size;
  }
  const OptimizerPtr optimizer = adam({.learning_rate = 1.0F, .approximate = true});
  const auto rule = std::get<AdamRule>(optimizer->rule());
  for (const char* isa : {"v1", "v3", "v4"}) {
    const std::optional<Device> device = open_with_isa(isa);
    if (!device) continue;
    const auto updated = [&](const AdamRule& by) {
      Program program(1, {{.name = "p", .rank = 1, .cols = kCount}});
      program.loss({LossKind::mean_squared_error}, program.input("y", 1, 1),
                   program.input("target", 1, 1), false);
      program.update(by);
      const auto arena = device->backend().create_arena(program.parameters(), 2);
      arena->set_learning_rate(1.0F);
      arena->write(Arena::Part::gradients, 0, gradients);
      const auto executable = device->backend().compile(program, *arena);
      executable->run(1);
      executable->wait();
      std::vector<float> p(kCount);
      arena->read(Arena::Part::parameters, 0, p);
      return p;
    };
    const std::vector<float> found = updated(rule);
    AdamRule exact = rule;
    exact.approximate = false;
    EXPECT_NE(found, updated(exact)) << isa;
    const double beta1 = static_cast<float>(rule.beta1), beta2 = static_cast<float>(rule.beta2);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const double g = gradients[i];
      const double rate = std::sqrt(1 - beta2) / (1 - beta1);
      const double expected =
          -rate * static_cast<float>(1 - rule.beta1) * g /
          (std::sqrt(static_cast<float>(1 - rule.beta2) * g * g) + rule.epsilon);
      ASSERT_NEAR(found[i], expected, 6e-7 * std::abs(expected)) << isa << ", gradient " << g;
    }
  }
}

TEST(CpuTest, ApproximateUpdatesTrainTheSame) {
  const Tensor x = random_tensor({320, 784}, 1), y = labels_of(x, 10);
  std::vector<double> losses;
  for (const bool approximate : {false, true}) {
    Model model = wide_classifier();
    Trainer trainer(model, cross_entropy(), adam({.approximate = approximate}), open("cpu"));
    losses.push_back(trainer.fit(x, y, {.epochs = 3}).epochs.back().train.loss);
  }
  EXPECT_NEAR(losses[1], losses[0], 1e-5 * losses[0]);
}

TEST(CpuTest, AnUnknownInstructionSetIsAClearError) {
  const WithIsa environment("avx512");
  EXPECT_EQ(message_of<InvalidArgument>([] { open("cpu"); }),
            "\"avx512\" is no instruction set of this build. [MN-U01]\n"
            "  evidence: MINNOW_CPU_ISA=avx512\n"
            "  remedy:   set it to v1, v3 or v4, or unset it");
}

TEST(CpuTest, TheCallersFloatingPointSettingsStay) {
  const unsigned before = _mm_getcsr();
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), open("cpu"));
  const Tensor x = random_tensor({32, 10}, 1);
  trainer.fit(x, labels_of(x, 3));
  constexpr unsigned kControlBits = ~0x3FU;  // the low six bits are sticky flags
  EXPECT_EQ(_mm_getcsr() & kControlBits, before & kControlBits);
  volatile float smallest = FLT_MIN;
  EXPECT_GT(smallest / 2, 0.0F) << "denormals are flushed outside a step";
}

// Features that are always zero leave Adam's moments of their weights to decay; without flushing
// they would reach denormals after some 900 steps and make each further step several times slower.
TEST(CpuTest, StepsDoNotSlowDown) {
  Tensor x = random_tensor({1024, 784}, 1);
  const auto values = x.mutable_data<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 784 < 400 && i / 784 >= 8) values[i] = 0;  // the first rows start the moments
  }
  const Tensor y = labels_of(x.rows(0, 1024), 10);
  Model model = wide_classifier();
  Trainer trainer(model, cross_entropy(), adam(), open("cpu", {.threads = 1}));
  trainer.fit(x, y, {.batch_size = 8, .shuffle = false});
  const Tensor later = x.rows(8, 1024), later_y = y.rows(8, 1024);
  std::vector<double> seconds;
  for (int part = 0; part < 24; ++part) {
    seconds.push_back(trainer.fit(later, later_y, {.batch_size = 8, .shuffle = false}).seconds);
  }
  EXPECT_GT(trainer.steps(), 3000);
  const auto least = [](auto begin, auto end) { return *std::min_element(begin, end); };
  const double first = least(seconds.begin(), seconds.begin() + 4);
  const double last = least(seconds.end() - 4, seconds.end());
  EXPECT_LT(last, 1.8 * first);
}

// The same without a clock: processors differ in what a denormal costs. A gradient that is exactly
// zero shrinks m by 0.9 a step; it has to end in zero and not in a denormal.
TEST(CpuTest, MomentsEndInZeroAndNotInDenormals) {
  constexpr std::int64_t kRows = 8, kIn = 784, kOut = 200;
  for (const int threads : {1, 2}) {
    const Device device = open("cpu", {.threads = threads});
    Program program(kRows, {{.name = "weight", .rows = kOut, .cols = kIn}});
    const ValueId x = program.input("x", kRows, kIn);
    const ValueId y = program.linear(x, program.parameter(0));
    const ValueId target = program.input("target", kRows, kOut);
    const ValueId dy = program.loss({LossKind::mean_squared_error}, y, target, true);
    program.linear_weight_grad(dy, x, program.gradient(0));
    program.update(adam()->rule());
    const auto arena = device.backend().create_arena(program.parameters(), 2);
    arena->set_learning_rate(1e-6F);
    const auto executable = device.backend().compile(program, *arena);
    executable->write(target, std::vector<float>(kRows * kOut, 1.0F));
    executable->write(x, std::vector<float>(kRows * kIn, 1.0F));
    executable->run(1);
    executable->wait();
    std::vector<float> half(kRows * kIn, 1.0F);
    for (std::size_t i = 0; i < half.size(); i += 2) half[i] = 0.0F;
    executable->write(x, half);
    executable->run(1500);
    executable->wait();
    std::vector<float> m(kOut * kIn);
    arena->read(Arena::Part::state0, 0, m);
    int zeros = 0, denormals = 0;
    for (const float value : m) {
      zeros += value == 0.0F;
      denormals += std::fpclassify(value) == FP_SUBNORMAL;
    }
    EXPECT_EQ(zeros, kOut * kIn / 2);
    EXPECT_EQ(denormals, 0);
  }
}

TEST(CpuTest, LabelsAtTheEdgesOfPaddedRowsCount) {
  // 16 and 17 classes: exactly one vector, and one more.
  for (const std::int64_t classes : {2, 15, 16, 17, 32, 33}) {
    const Tensor x = random_tensor({64, 40}, 3);
    Model model(40, {dense(classes), softmax()}, {.seed = 2});
    Trainer trainer(model, cross_entropy(), adam({.learning_rate = 0.05F}), open("cpu"));
    const Tensor y = labels_of(x, classes);
    trainer.fit(x, y, {.epochs = 200});
    EXPECT_GT(trainer.evaluate(x, y).accuracy.value(), 0.9) << classes;
  }
}

}  // namespace
}  // namespace minnow::testing
