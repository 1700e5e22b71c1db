// A training step whose batch goes through in slices: the same loss, gradients and update as with
// the whole batch at once.

#include <algorithm>
#include <cmath>

#include "devices.h"
#include "own_parts.h"
#include "problems.h"
#include "record.h"
#include "reference.h"

namespace minnow::testing {
namespace {

struct Problem {
  Model model;
  LossPtr loss;
  TargetKind target;
  OptimizerPtr optimizer = adam();
};

/// Batches of rows, and slices of those.
struct Cut {
  std::int64_t batch;
  std::int64_t slice;
};
constexpr Cut kCuts[] = {{33, 10}, {31, 1}, {129, 128}, {64, 16}};
constexpr std::int64_t kSteps = 3;

Problem classifier(OptimizerPtr optimizer = adam()) {
  return {Model(37, {dense(41), relu(), dense(19), relu(), dense(7), softmax()}, {.seed = 1}),
          cross_entropy(), TargetKind::labels, std::move(optimizer)};
}

std::vector<Problem> problems() {
  std::vector<Problem> all;
  all.push_back(classifier(adam({.preset = AdamPreset::torch})));
  all.push_back({Model(9, {dense(17), relu(), dense(5, {.bias = false})}, {.seed = 2}), mse(),
                 TargetKind::values, sgd({.momentum = 0.9F})});
  all.push_back({Model(20, {dense(33), softmax(), dense(4)}, {.seed = 3}),
                 cross_entropy({.from_logits = true}), TargetKind::labels, sgd()});
  all.push_back({Model(8, {dense(12), relu(), dense(6), softmax()}, {.seed = 4}), cross_entropy(),
                 TargetKind::values});
  all.push_back({Model(7, {dense(18), gelu(), dense(1), sigmoid()}, {.seed = 5}),
                 binary_cross_entropy(), TargetKind::labels, rmsprop({.momentum = 0.5F})});
  // A layer that goes around itself, and a loss of two terms in each slice.
  all.push_back({Model(9, {dense(11), residual(20), dense(3)}, {.seed = 6}), sum_of_losses(),
                 TargetKind::values, adamw()});
  return all;
}

/// Steps of a problem on a device, over random data.
class Steps {
 public:
  Steps(const Problem& problem, Cut cut, bool fused, Backend& backend) : problem_(problem) {
    const Model& model = problem.model;
    const bool labels = problem.target == TargetKind::labels;
    const std::int64_t rows = kSteps * cut.batch;
    x_ = random_tensor({rows, model.inputs()}, 1);
    y_ = labels ? labels_of(x_, std::max<std::int64_t>(2, model.outputs()))
                : random_tensor({rows, model.outputs()}, 2);
    const Program recorded =
        record(model, *problem.loss, *problem.optimizer,
               {.batch = cut.batch, .target = problem.target, .slice = cut.slice});
    program = fused ? fuse(recorded) : recorded;
    arena = backend.create_arena(model.parameters(), states_of(problem.optimizer->rule()));
    arena->set_learning_rate(problem.optimizer->learning_rate());
    for (std::size_t slot = 0; slot < model.parameters().size(); ++slot) {
      arena->write(Arena::Part::parameters, static_cast<int>(slot),
                   model.weight(model.parameters()[slot].name).data<float>());
    }
    executable = backend.compile(*program, *arena);
    x_data_ = backend.upload(x_.raw(), DType::f32, rows, model.inputs());
    y_data_ = backend.upload(y_.raw(), y_.dtype(), rows, labels ? 1 : model.outputs());
    executable->bind({.x = x_data_.get(),
                      .target = y_data_.get(),
                      .rows = rows,
                      .position = 0,
                      .shuffle = true,
                      .seed = 5,
                      .epoch = 1});
  }

  std::vector<StepResult> run(std::int64_t steps) {
    executable->run(steps);
    const auto results = executable->wait();
    return {results.begin(), results.end()};
  }

  std::vector<float> read(Arena::Part part) const {
    std::vector<float> all;
    for (std::size_t slot = 0; slot < problem_.model.parameters().size(); ++slot) {
      const ParameterSpec& spec = problem_.model.parameters()[slot];
      std::vector<float> values(static_cast<std::size_t>(spec.rows * spec.cols));
      arena->read(part, static_cast<int>(slot), values);
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }

  /// What a step reads, for the interpreter.
  std::vector<Numbers> given(std::int64_t step) const {
    std::vector<Numbers> values(program->values().size());
    for (std::size_t slot = 0; slot < problem_.model.parameters().size(); ++slot) {
      const Tensor weight = problem_.model.weight(problem_.model.parameters()[slot].name);
      values[slot] = Numbers(weight.data<float>().begin(), weight.data<float>().end());
    }
    const auto rows = static_cast<std::uint64_t>(x_.shape().rows());
    const Permutation permutation(rows, 5, 1);
    for (const Op& op : program->ops()) {
      if (op.kind != OpKind::gather) continue;
      for (std::int64_t i = 0; i < program->value(op.outputs[0]).rows; ++i) {
        const auto row = static_cast<std::int64_t>(
            permutation(static_cast<std::uint64_t>(step * program->batch() + op.row + i)));
        append(x_, row, values[static_cast<std::size_t>(op.outputs[0])]);
        append(y_, row, values[static_cast<std::size_t>(op.outputs[1])]);
      }
    }
    return values;
  }

  std::optional<Program> program;
  std::unique_ptr<Arena> arena;
  std::unique_ptr<Executable> executable;

 private:
  static void append(const Tensor& from, std::int64_t row, Numbers& to) {
    const std::int64_t width = from.shape().row_elements();
    for (std::int64_t i = row * width; i < (row + 1) * width; ++i) {
      const auto at = static_cast<std::size_t>(i);
      to.push_back(from.dtype() == DType::i32 ? from.data<std::int32_t>()[at]
                                              : static_cast<double>(from.data<float>()[at]));
    }
  }

  const Problem& problem_;
  Tensor x_;
  Tensor y_;
  std::unique_ptr<DeviceData> x_data_;
  std::unique_ptr<DeviceData> y_data_;
};

class Slices : public OnDevice {};

TEST_P(Slices, AStepIsTheReferencesStep) {
  for (const Problem& problem : problems()) {
    for (const Cut cut : kCuts) {
      for (const bool fused : {false, true}) {
        Steps steps(problem, cut, fused, backend());
        const ReferenceResult expected = interpret(*steps.program, steps.given(0));
        const StepResult result = steps.run(1)[0];
        EXPECT_NEAR(result.loss, expected.loss, 1e-5 * (1 + expected.loss));
        EXPECT_EQ(result.correct, static_cast<std::int32_t>(expected.correct));
        const std::vector<float> gradients = steps.read(Arena::Part::gradients);
        const std::size_t slots = problem.model.parameters().size();
        std::size_t at = 0;
        for (std::size_t slot = 0; slot < slots; ++slot) {
          for (const double gradient : expected.values[slots + slot]) {
            ASSERT_NEAR(gradients[at], gradient, 1e-5)
                << problem.model.parameters()[slot].name << ", batch " << cut.batch
                << " in slices of " << cut.slice << (fused ? ", fused" : "");
            ++at;
          }
        }
        EXPECT_EQ(at, gradients.size());
      }
    }
  }
}

TEST_P(Slices, SeveralStepsAreThoseOfTheWholeBatch) {
  for (const Problem& problem : problems()) {
    for (const Cut cut : kCuts) {
      for (const bool fused : {false, true}) {
        Steps whole(problem, {cut.batch, 0}, fused, backend());
        Steps sliced(problem, cut, fused, backend());
        const auto expected = whole.run(kSteps), actual = sliced.run(kSteps);
        ASSERT_EQ(actual.size(), static_cast<std::size_t>(kSteps));
        for (std::size_t i = 0; i < actual.size(); ++i) {
          EXPECT_NEAR(actual[i].loss, expected[i].loss, 1e-5);
          EXPECT_EQ(actual[i].correct, expected[i].correct);
        }
        const auto a = sliced.read(Arena::Part::parameters);
        const auto b = whole.read(Arena::Part::parameters);
        // Adam's step on a gradient near zero is the learning rate in either direction.
        for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 2e-5);
        EXPECT_EQ(sliced.arena->steps(), kSteps);
      }
    }
  }
}

TEST_P(Slices, ANumberThatIsNotFiniteInTheThirdSliceChangesNoWeight) {
  // The row at position 25 overflows; labels and values choose the loss.
  for (const bool fused : {false, true}) {
    const Problem problem{Model(2, {dense(2), relu(), dense(1)}, {.seed = 1}), mse(),
                          TargetKind::values};
    Tensor x({33, 2}), y({33, 1}), weight({2, 2});
    for (float& w : weight.mutable_data<float>()) w = 1e10F;
    for (float& value : x.mutable_data<float>().subspan(50, 2)) value = 1e30F;
    const Program recorded = record(problem.model, *problem.loss, *problem.optimizer,
                                    {.batch = 33, .target = problem.target, .slice = 10});
    const auto arena = backend().create_arena(problem.model.parameters(), 2);
    arena->set_learning_rate(1e-3F);
    arena->write(Arena::Part::parameters, 0, weight.data<float>());
    const auto executable = backend().compile(fused ? fuse(recorded) : recorded, *arena);
    const auto x_data = backend().upload(x.raw(), DType::f32, 33, 2);
    const auto y_data = backend().upload(y.raw(), DType::f32, 33, 1);
    executable->bind({.x = x_data.get(), .target = y_data.get(), .rows = 33});
    // Twice: the second time every value holds what the first one left.
    for (int time = 0; time < 2; ++time) {
      executable->run(1);
      try {
        executable->wait();
        FAIL() << "nothing was thrown";
      } catch (const NumericError& error) {
        EXPECT_EQ(error.tensor(), "output of dense_1, rows 20..29 (inf)");
        EXPECT_EQ(error.step(), 1);
      }
      std::vector<float> after(4);
      arena->read(Arena::Part::parameters, 0, after);
      EXPECT_EQ(after, std::vector<float>(4, 1e10F));
      EXPECT_EQ(arena->steps(), 0);
    }
    // The same program goes on with numbers that fit.
    arena->write(Arena::Part::parameters, 0, std::vector<float>(4, 1e-25F));
    executable->run(1);
    EXPECT_EQ(executable->wait().size(), 1U);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Slices, all_devices(), device_name);

// Products through the tiles sum over rows in one order, and so do the bias gradient and the loss.
TEST(CpuSlices, GiveTheBitsOfTheWholeBatch) {
  for (const int threads : {1, 2, 3}) {
    const Device device = open("cpu", {.threads = threads});
    std::vector<Problem> all = problems();
    all.push_back({wide_classifier(), cross_entropy(), TargetKind::labels});  // worth 3 threads
    for (const Problem& problem : all) {
      for (const Cut cut : kCuts) {
        for (const bool fused : {false, true}) {
          Steps whole(problem, {cut.batch, 0}, fused, device.backend());
          Steps sliced(problem, cut, fused, device.backend());
          const auto expected = whole.run(kSteps), actual = sliced.run(kSteps);
          ASSERT_EQ(actual.size(), expected.size());
          for (std::size_t i = 0; i < actual.size(); ++i) {
            EXPECT_EQ(actual[i].loss, expected[i].loss);
            EXPECT_EQ(actual[i].correct, expected[i].correct);
          }
          for (const Arena::Part part : {Arena::Part::parameters, Arena::Part::gradients}) {
            ASSERT_EQ(sliced.read(part), whole.read(part)) << cut.batch << " by " << cut.slice;
          }
        }
      }
    }
  }
}

// Eigen sums a block's depth in its own order: close, not equal. With 70 rows at once the weights
// go through Eigen; 35 go through the tiles.
TEST(CpuSlices, LargeWeightsAgreeWithTheWholeBatch) {
  const Problem problem{Model(2070, {dense(2050), relu(), dense(10)}, {.seed = 1}), mse(),
                        TargetKind::values};
  const Device device = open("cpu");
  Steps whole(problem, {140, 0}, true, device.backend());
  const auto expected = whole.run(1);
  const auto gradients = whole.read(Arena::Part::gradients);
  float largest = 0;
  for (const float gradient : gradients) largest = std::max(largest, std::abs(gradient));
  for (const std::int64_t slice : {70, 35}) {
    Steps sliced(problem, {140, slice}, true, device.backend());
    EXPECT_EQ(sliced.executable->explain().find("Eigen") != std::string::npos, slice == 70);
    EXPECT_NEAR(sliced.run(1)[0].loss, expected[0].loss, 1e-6F * expected[0].loss);
    const auto actual = sliced.read(Arena::Part::gradients);
    for (std::size_t i = 0; i < actual.size(); ++i) {
      ASSERT_NEAR(actual[i], gradients[i], 1e-6F * largest) << i;
    }
  }
}

}  // namespace
}  // namespace minnow::testing
