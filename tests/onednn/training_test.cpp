// Training with bf16 products: near fp32, the same bits for any number of threads, and what goes
// wrong has its name.

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "bf16.h"
#include "trained.h"

namespace minnow::testing {
namespace {

bool loaded(const std::string& library) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(library) != std::string::npos) return true;
  }
  return false;
}

// The first test: a library stays loaded.
TEST(Bf16Part, IsLoadedWhenBf16IsAskedForAndNeverElse) {
  if (loaded("libminnow_onednn")) GTEST_SKIP() << "another test has loaded it";
  const Tensor x = random_tensor({64, 40}, 1);
  Model model(40, {dense(40)}, {.seed = 1});
  Trainer(model, mse(), adam(), open("cpu")).fit(x, x);
  EXPECT_FALSE(loaded("libminnow_onednn"));
  EXPECT_FALSE(loaded("libdnnl"));
  setenv("MINNOW_CPU_BF16", "any", 1);
  try {
    open_bf16();
  } catch (const DeviceUnavailable& error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_TRUE(loaded("libminnow_onednn"));
}

class Bf16Training : public Bf16 {};

struct Case {
  Net net;
  bool has_bf16;  // a layer whose sides are all 32 or more
};
const Case kCases[] = {{{784, {128}, 10, true}, true},     {{10, {10}, 1, false}, false},
                       {{33, {129, 33}, 31, true}, true},  {{129, {1, 7}, 129, false}, false},
                       {{40, {65, 130}, 50, false}, true}, {{31, {129}, 7, true}, false}};
const Lesson kWhole{.rows = 333, .batch = 96};
const Lesson kSliced{.rows = 333, .batch = 96, .microbatch = 40};

TEST_F(Bf16Training, StaysNearFp32) {
  for (const auto& [net, has_bf16] : kCases) {
    const Trained exact = train(net, open("cpu"), kWhole);
    const Trained bf16 = train(net, open_bf16(), kWhole);
    expect_close(bf16, exact, 5e-2);
    EXPECT_EQ(bf16.weights != exact.weights, has_bf16) << net.inputs;
    EXPECT_EQ(bf16.explained.find("(bf16 factors: oneDNN, ") != std::string::npos, has_bf16)
        << bf16.explained;
    // The classifier's last layer, and all of a small net.
    const bool has_fp32 = net.outputs < 32 || !has_bf16;
    EXPECT_EQ(bf16.explained.find("(fp32: a side is under 32)") != std::string::npos, has_fp32)
        << bf16.explained;
  }
}

TEST_F(Bf16Training, SlicesStayNearTheWholeBatch) {
  for (const auto& [net, has_bf16] : kCases) {
    const Trained sliced = train(net, open_bf16(), kSliced);
    expect_close(sliced, train(net, open_bf16(), kWhole), 5e-2);
    expect_close(sliced, train(net, open("cpu"), kWhole), 5e-2);
  }
}

TEST_F(Bf16Training, AnyNumberOfThreadsGivesTheSameBits) {
  const Tensor x = random_tensor({600, 784}, 1);
  const Tensor labels = labels_of(x, 10);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    Model model(784, {dense(200), relu(), dense(130), relu(), dense(10), softmax()}, {.seed = 1});
    Trainer trainer(model, cross_entropy(), adam(), open_bf16(threads));
    trainer.fit(x, labels, {.epochs = 2, .batch_size = 280});  // units of 256 and 24 rows
    EXPECT_NE(trainer.explain(280).find(std::to_string(threads) + " of " + std::to_string(threads) +
                                        " threads"),
              std::string::npos);
    results.push_back(all_weights(model));
  }
  EXPECT_EQ(results[1], results[0]);
  EXPECT_EQ(results[2], results[0]);
}

TEST_F(Bf16Training, LargeWeightsGiveTheSameBitsToo) {
  const Tensor x = random_tensor({130, 2070}, 1), y = random_tensor({130, 40}, 2);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    Model model(2070, {dense(2050), relu(), dense(40)}, {.seed = 1});
    Trainer trainer(model, mse(), adam(), open_bf16(threads));
    trainer.fit(x, y, {.batch_size = 70});
    EXPECT_EQ(trainer.explain(70).find("Eigen"), std::string::npos);
    results.push_back(all_weights(model));
  }
  EXPECT_EQ(results[1], results[0]);
  EXPECT_EQ(results[2], results[0]);
}

TEST_F(Bf16Training, TheFirstTensorThatIsNotFiniteIsNamed) {
  for (const int threads : {1, 2}) {
    // What comes after dense_2 is not finite either, and lies where earlier values lay.
    Model model(256, {dense(256), relu(), dense(256), relu(), dense(256), relu(), dense(256)},
                {.seed = 1});
    Tensor huge = model.weight("2.weight");
    for (float& w : huge.mutable_data<float>()) w = 1e38F;
    model.set_weight("2.weight", huge);
    Trainer trainer(model, mse(), adam(), open_bf16(threads));
    const Tensor x = random_tensor({64, 256}, 1);
    const auto before = all_weights(model);
    for (int time = 0; time < 2; ++time) {
      const std::string message = message_of<NumericError>([&] {
        trainer.step(x, Tensor({64, 256}));
      });
      EXPECT_NE(message.find("the first such value is in the output of dense_2 ("),
                std::string::npos)
          << message;
      EXPECT_EQ(all_weights(model), before);
    }
  }
}

// The gradient that overflows lies where an output lay that was finite.
TEST_F(Bf16Training, MemoryThatIsUsedAgainIsNotBlamed) {
  Model model(64, {dense(64), dense(64), dense(64), dense(1)}, {.seed = 1});
  Tensor huge({64, 64}), target({64, 1});
  for (float& w : huge.mutable_data<float>()) w = 3e38F;
  for (float& t : target.mutable_data<float>()) t = 1e6F;
  model.set_weight("0.weight", Tensor({64, 64}));
  model.set_weight("1.weight", huge);
  Trainer trainer(model, mse(), adam(), open_bf16(1));
  const Tensor x = random_tensor({64, 64}, 1);
  for (int time = 0; time < 2; ++time) {
    const std::string message = message_of<NumericError>([&] { trainer.step(x, target); });
    EXPECT_NE(message.find("the first such value is in the input gradient of dense_2 (inf)"),
              std::string::npos)
        << message;
  }
}

TEST_F(Bf16Training, ANanInAnInputIsNamedAndChangesNoWeight) {
  constexpr std::int64_t kSide = 48;
  Program program(kSide, {{.name = "w", .rows = kSide, .cols = kSide}});
  program.begin_layer(0, "dense_1");
  const ValueId x = program.input("x", kSide, kSide);
  const ValueId y = program.linear(x, program.parameter(0));
  const ValueId target = program.input("target", kSide, kSide);
  const ValueId dy = program.loss({LossKind::mean_squared_error}, y, target, true);
  program.linear_weight_grad(dy, x, program.gradient(0));
  program.update(adam()->rule());
  const Device device = open_bf16(1);
  const auto arena = device.backend().create_arena(program.parameters(), 2);
  std::vector<float> weights(kSide * kSide, 0.25F), numbers(kSide * kSide, 0.5F);
  arena->write(Arena::Part::parameters, 0, weights);
  numbers[100] = std::nanf("");
  const auto executable = device.backend().compile(program, *arena);
  executable->write(target, std::vector<float>(kSide * kSide, 1.0F));
  executable->write(x, numbers);
  executable->run(3);
  try {
    executable->wait();
    FAIL() << "nothing was thrown";
  } catch (const NumericError& error) {
    EXPECT_EQ(error.tensor(), "output of dense_1 (nan)");
    EXPECT_EQ(error.step(), 1);
  }
  std::vector<float> after(weights.size());
  arena->read(Arena::Part::parameters, 0, after);
  EXPECT_EQ(after, weights);
}

std::ptrdiff_t threads_of_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

TEST_F(Bf16Training, OpenMpsSettingsStayAndItsThreadsStaySleeping) {
  void* library = dlopen("libgomp.so.1", RTLD_NOW | RTLD_NOLOAD);
  if (library == nullptr) GTEST_SKIP() << "this oneDNN does without libgomp";
  const auto set = reinterpret_cast<void (*)(int)>(dlsym(library, "omp_set_num_threads"));
  const auto get = reinterpret_cast<int (*)()>(dlsym(library, "omp_get_max_threads"));
  const int before = get();
  set(7);
  const Device device = open_bf16(2);
  const std::ptrdiff_t threads = threads_of_process();
  Model model(784, {dense(512), relu(), dense(40)}, {.seed = 1});
  Trainer trainer(model, mse(), adam(), device);
  trainer.fit(random_tensor({512, 784}, 1), random_tensor({512, 40}, 2), {.batch_size = 256});
  EXPECT_EQ(get(), 7);
  EXPECT_EQ(threads_of_process(), threads);
  set(before);
}

}  // namespace
}  // namespace minnow::testing
