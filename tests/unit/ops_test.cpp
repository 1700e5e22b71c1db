// Every op, on every device, on odd sizes, against the double-precision reference.

#include <minnow/random.h>

#include <cmath>
#include <functional>
#include <set>
#include <variant>

#include "devices.h"
#include "functions.h"
#include "reference.h"

namespace minnow::testing {
namespace {

class Ops : public OnDevice {
 protected:
  /// Random numbers in (-1, 1), about a fifth of them zero; or positive ones.
  static Numbers random_numbers(std::size_t count, std::uint64_t stream, bool positive = false) {
    Numbers numbers(count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto words = random_words(7, stream, i);
      const double unit = to_unit_float(words.word[0]);
      const bool zero = words.word[1] % 5 == 0;
      numbers[i] = positive ? unit + 0.01 : zero ? 0.0 : 2 * unit - 1;
      numbers[i] = static_cast<float>(numbers[i]);
    }
    return numbers;
  }

  static std::vector<float> floats(const Numbers& numbers) {
    return {numbers.begin(), numbers.end()};
  }

  /// The name of inputs that are probabilities: positive, and no row sums to one.
  static constexpr const char* kPositive = "probabilities";

  /// Runs the program on the device from random inputs and parameters and compares every kept
  /// value, every gradient, the loss and the count of right answers.
  void check(Program program, double tolerance) {
    std::vector<Numbers> given(program.values().size());
    auto arena = backend().create_arena(program.parameters(), states_of(program.rule()));
    for (ValueId id = 0; id < static_cast<ValueId>(program.values().size()); ++id) {
      const Value& value = program.value(id);
      const auto size = static_cast<std::size_t>(value.rows * value.cols);
      Numbers& numbers = given[static_cast<std::size_t>(id)];
      if (value.kind != ValueKind::input && value.kind != ValueKind::parameter) continue;
      numbers = random_numbers(size, static_cast<std::uint64_t>(id) + 1, value.name == kPositive);
      for (double& number : numbers) number *= scale_;
      if (value.dtype == DType::i32) {
        for (std::size_t i = 0; i < size; ++i) {
          numbers[i] = random_words(7, 99, i).word[0] % static_cast<std::uint32_t>(classes_);
        }
      }
      if (value.kind == ValueKind::parameter) {
        arena->write(Arena::Part::parameters, value.slot, floats(numbers));
      }
    }
    const auto executable = backend().compile(program, *arena);
    for (ValueId id = 0; id < static_cast<ValueId>(program.values().size()); ++id) {
      if (program.value(id).kind != ValueKind::input) continue;
      executable->write(id, floats(given[static_cast<std::size_t>(id)]));
    }
    executable->run(1);
    const StepResult step = executable->wait()[0];
    const ReferenceResult expected = interpret(program, given);
    for (ValueId id = 0; id < static_cast<ValueId>(program.values().size()); ++id) {
      const Value& value = program.value(id);
      const Numbers& numbers = expected.values[static_cast<std::size_t>(id)];
      std::vector<float> actual(static_cast<std::size_t>(value.rows * value.cols));
      if (value.kind == ValueKind::gradient && !numbers.empty()) {
        arena->read(Arena::Part::gradients, value.slot, actual);
      } else if (value.keep) {
        executable->read(id, actual);
      } else {
        continue;
      }
      ASSERT_EQ(actual.size(), numbers.size()) << value.name;
      for (std::size_t i = 0; i < actual.size(); ++i) {
        ASSERT_LE(std::abs(actual[i] - numbers[i]), tolerance * (1 + std::abs(numbers[i])))
            << value.name << "[" << i << "] is " << actual[i] << ", expected " << numbers[i]
            << " in\n"
            << program.str();
      }
    }
    if (program.loss() != kNoValue) {
      EXPECT_NEAR(step.loss, expected.loss, tolerance * (1 + std::abs(expected.loss)));
      EXPECT_EQ(step.correct, static_cast<std::int32_t>(expected.correct));
    }
  }

  /// One of all activations after another, so that the sizes of a test go through them.
  const Activation& next_activation() { return activations_[next_++ % activations_.size()]; }

  std::int64_t classes_ = 1;
  double scale_ = 1;  // of inputs and parameters
  const std::vector<Activation> activations_ = all_activations();
  std::size_t next_ = 0;
};

constexpr std::int64_t kSizes[] = {1, 7, 10, 31, 33, 129};

ParameterSpec weight(std::int64_t outputs, std::int64_t inputs) {
  return {.name = "weight", .rows = outputs, .cols = inputs};
}
ParameterSpec bias(std::int64_t outputs) { return {.name = "bias", .rank = 1, .cols = outputs}; }

TEST_P(Ops, Linear) {
  for (const auto rows : kSizes) {
    for (const auto in : kSizes) {
      for (const auto out : kSizes) {
        Program program(rows, {weight(out, in), bias(out)});
        const ValueId x = program.input("x", rows, in);
        const ValueId y = program.linear(x, program.parameter(0));
        const ValueId biased = program.add_bias(y, program.parameter(1));
        program.keep(program.activate(next_activation(), biased));
        check(program, 2e-5);
        check(fuse(program), 2e-5);
        ASSERT_EQ(fuse(program).ops().size(), 1U);
      }
    }
  }
}

TEST_P(Ops, LinearWithoutBias) {
  for (const Activation& f : activations_) {
    for (const auto size : kSizes) {
      Program program(size, {weight(size, 33)});
      const ValueId x = program.input("x", size, 33);
      program.keep(program.activate(f, program.linear(x, program.parameter(0))));
      check(program, 2e-5);
      check(fuse(program), 2e-5);
      ASSERT_EQ(fuse(program).ops().size(), 1U);
    }
  }
}

TEST_P(Ops, LinearGradients) {
  for (const auto rows : kSizes) {
    for (const auto in : kSizes) {
      for (const auto out : kSizes) {
        Program program(rows, {weight(out, in), bias(out)});
        const ValueId x = program.input("x", rows, in);
        const ValueId dy = program.input("dy", rows, out);
        program.linear_weight_grad(dy, x, program.gradient(0));
        program.bias_grad(dy, program.gradient(1));
        const ValueId dx = program.linear_input_grad(dy, program.parameter(0));
        program.keep(program.activate_grad(next_activation(), dx, x, x));
        check(program, 5e-5);
        check(fuse(program), 5e-5);
        ASSERT_EQ(fuse(program).ops().size(), 3U);
      }
    }
  }
}

// Weights larger than the caches take another path, and so do few rows of them.
TEST_P(Ops, LargeWeights) {
  constexpr std::int64_t kIn = 2070, kOut = 2050;
  for (const auto& [rows, kind] :
       {std::pair{3, ActivationKind::relu}, {65, ActivationKind::gelu}}) {
    Program program(rows, {weight(kOut, kIn), bias(kOut)});
    const ValueId x = program.input("x", rows, kIn);
    const ValueId dy = program.input("dy", rows, kOut);
    const ValueId y =
        program.add_bias(program.linear(x, program.parameter(0)), program.parameter(1));
    program.keep(program.activate({kind}, y));
    program.linear_weight_grad(dy, x, program.gradient(0));
    const ValueId dx = program.linear_input_grad(dy, program.parameter(0));
    program.keep(program.activate_grad({kind}, dx, x, x));
    check(fuse(program), 2e-4);
    ASSERT_EQ(fuse(program).ops().size(), 3U);
  }
}

TEST_P(Ops, ActivationsAndTheirGradients) {
  for (const Activation& f : activations_) {
    for (const double scale : {1.0, 30.0}) {
      scale_ = scale;
      for (const auto rows : kSizes) {
        for (const auto cols : kSizes) {
          Program program(rows, {});
          const ValueId x = program.input("x", rows, cols);
          const ValueId y = program.activate(f, x);
          program.keep(y);
          program.keep(program.activate_grad(f, program.input("dy", rows, cols), x, y));
          check(program, 2e-6 * scale);
        }
      }
    }
  }
}

// Where a slope is zero the gradient is, even when what came from above is too large.
TEST_P(Ops, AClosedGateLetsNothingThrough) {
  for (const bool fused : {false, true}) {
    Program program(1, {weight(1, 2)});
    const ValueId dy = program.input("dy", 1, 1);
    const ValueId y = program.input("y", 1, 2);
    const ValueId dx = program.linear_input_grad(dy, program.parameter(0));
    const ValueId gated = program.activate_grad({ActivationKind::relu}, dx, y, y);
    program.keep(gated);
    auto arena = backend().create_arena(program.parameters(), 0);
    arena->write(Arena::Part::parameters, 0, std::vector<float>{3e38F, 1.0F});
    const auto executable = backend().compile(fused ? fuse(program) : program, *arena);
    executable->write(dy, std::vector<float>{3e38F});
    executable->write(y, std::vector<float>{0.0F, 1.0F});
    executable->run(1);
    executable->wait();
    std::vector<float> actual(2);
    executable->read(gated, actual);
    EXPECT_EQ(actual, (std::vector<float>{0.0F, 3e38F})) << fused;
  }
}

TEST_P(Ops, Add) {
  for (const auto rows : kSizes) {
    for (const auto cols : kSizes) {
      Program program(rows, {});
      const ValueId a = program.input("a", rows, cols);
      const ValueId b = program.input("b", rows, cols);
      const ValueId sum = program.add(a, b);
      program.keep(sum);
      program.keep(program.add(program.add(sum, sum), program.activate({}, a)));
      check(program, 1e-6);
      check(fuse(program), 1e-6);
    }
  }
}

TEST_P(Ops, Softmax) {
  for (const auto rows : kSizes) {
    for (const auto cols : kSizes) {
      Program program(rows, {});
      const ValueId x = program.input("x", rows, cols);
      const ValueId dy = program.input("dy", rows, cols);
      const ValueId y = program.softmax(x);
      program.keep(y);
      program.keep(program.softmax_grad(dy, y));
      check(program, 2e-6);
    }
  }
}

TEST_P(Ops, Losses) {
  for (LossFunction function : all_losses()) {
    const LossTraits traits = traits_of(function.kind);
    for (const auto rows : kSizes) {
      for (const auto cols : kSizes) {
        for (const bool labels : {false, true}) {
          if (labels && !takes_labels(function.kind, cols)) continue;
          for (const bool gradient : {false, true}) {
            function.weight = gradient == labels ? 1.0F : 0.3F;
            classes_ = traits.accuracy == Accuracy::largest ? cols : 2;
            Program program(rows, {});
            const ValueId x = program.input(
                takes_probabilities(function.kind) ? kPositive : "prediction", rows, cols);
            const ValueId y =
                labels
                    ? program.input("labels", rows, 1, DType::i32)
                    : program.input(counts_right(function.kind) ? kPositive : "target", rows, cols);
            const ValueId derivative = program.loss(function, x, y, gradient);
            ASSERT_EQ(derivative != kNoValue, gradient);
            ASSERT_EQ(program.correct() != kNoValue, counts_right(function.kind));
            if (gradient) program.keep(derivative);
            check(program, 2e-5);
          }
        }
      }
    }
  }
}

// Their sum, and the gradients' sum; only the first one decides which rows are right.
TEST_P(Ops, SeveralTermsOfALoss) {
  const std::vector<LossFunction> all = all_losses();
  for (std::size_t first = 0; first < all.size(); ++first) {
    for (std::size_t second = 0; second < all.size(); ++second) {
      for (const bool third : {false, true}) {
        std::vector<LossFunction> terms{all[first], all[second]};
        if (third) terms.push_back(all[(first + second) % all.size()]);
        for (const bool gradient : {false, true}) {
          constexpr std::int64_t kRows = 31, kCols = 7;
          Program program(kRows, {});
          const ValueId x = program.input(kPositive, kRows, kCols);
          const ValueId y = program.input(kPositive, kRows, kCols);
          ValueId sum = kNoValue;
          float weight = 2.0F;
          for (LossFunction& term : terms) {
            term.weight = weight;
            weight *= 0.25F;
            const ValueId derivative = program.loss(term, x, y, gradient);
            sum = sum == kNoValue ? derivative : program.add(sum, derivative);
          }
          if (gradient) program.keep(sum);
          ASSERT_EQ(program.loss_terms(), third ? 3 : 2);
          ASSERT_EQ(program.correct() != kNoValue, counts_right(terms[0].kind));
          check(program, 3e-5);
          check(fuse(program), 3e-5);
        }
      }
    }
  }
}

TEST_P(Ops, SoftmaxIsFusedIntoTheCrossEntropy) {
  for (const auto cols : kSizes) {
    classes_ = cols;
    Program program(33, {});
    const ValueId p = program.softmax(program.input("x", 33, cols));
    const ValueId dp =
        program.loss({LossKind::cross_entropy}, p, program.input("y", 33, 1, DType::i32), true);
    program.keep(program.softmax_grad(dp, p));
    check(program, 2e-5);
    check(fuse(program), 2e-5);
    ASSERT_EQ(fuse(program).ops().size(), 1U);
  }
}

TEST_P(Ops, SigmoidIsFusedIntoTheBinaryCrossEntropy) {
  const Activation sigmoid{ActivationKind::sigmoid};
  for (const auto cols : kSizes) {
    for (const bool labels : {false, true}) {
      if (labels && cols > 1) continue;
      classes_ = 2;
      Program program(33, {});
      const ValueId x = program.input("x", 33, cols);
      const ValueId p = program.activate(sigmoid, x);
      const ValueId y =
          labels ? program.input("y", 33, 1, DType::i32) : program.input(kPositive, 33, cols);
      const ValueId dp = program.loss({LossKind::binary_cross_entropy}, p, y, true);
      program.keep(program.activate_grad(sigmoid, dp, x, p));
      check(program, 2e-5);
      check(fuse(program), 2e-5);
      ASSERT_EQ(fuse(program).ops().size(), 1U);
    }
  }
}

TEST_P(Ops, LogitsFarApartStayFinite) {
  Program program(2, {});
  const ValueId x = program.input("x", 2, 3);
  const ValueId y = program.input("y", 2, 1, DType::i32);
  const ValueId gradient = program.loss({LossKind::softmax_cross_entropy}, x, y, true);
  program.keep(gradient);
  auto arena = backend().create_arena({}, 0);
  const auto executable = backend().compile(program, *arena);
  executable->write(x, std::vector<float>{1000, 0, -1000, -1e30F, 1e30F, 0});
  executable->write(y, std::vector<float>{0, 1});
  executable->run(1);
  EXPECT_FLOAT_EQ(executable->wait()[0].loss, 0.0F);
  std::vector<float> actual(6);
  executable->read(gradient, actual);
  for (const float value : actual) EXPECT_FLOAT_EQ(value, 0.0F);
}

TEST_P(Ops, GatherTransformsAndShuffles) {
  constexpr std::int64_t kRows = 29, kCols = 13, kBatch = 7;
  std::vector<std::uint8_t> pixels(kRows * kCols);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 7);
  const std::vector<float> numbers(pixels.begin(), pixels.end());
  std::vector<std::int32_t> labels(kRows);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i);
  InputTransform by_feature{.offset = {}, .scale = {0.5F}};
  for (std::int64_t i = 0; i < kCols; ++i) by_feature.offset.push_back(static_cast<float>(i));
  for (const auto& transform : {InputTransform{}, InputTransform{{3.0F}, {0.25F}}, by_feature}) {
    for (const DType dtype : {DType::f32, DType::u8}) {
      for (const bool shuffle : {false, true}) {
        Program program(kBatch, {});
        const ValueId x = program.gather(kCols, dtype, transform, TargetKind::labels, 1);
        program.keep(x);
        auto arena = backend().create_arena({}, 0);
        const auto executable = backend().compile(program, *arena);
        const void* host = dtype == DType::u8 ? static_cast<const void*>(pixels.data())
                                              : static_cast<const void*>(numbers.data());
        const auto data = backend().upload(host, dtype, kRows, kCols);
        const auto target = backend().upload(labels.data(), DType::i32, kRows, 1);
        executable->bind({.x = data.get(),
                          .target = target.get(),
                          .rows = kRows,
                          .position = 0,
                          .shuffle = shuffle,
                          .seed = 5,
                          .epoch = 2});
        executable->run(3);
        executable->wait();
        std::vector<float> actual(kBatch * kCols);
        executable->read(x, actual);
        const Permutation permutation(kRows, 5, 2);
        for (std::int64_t i = 0; i < kBatch; ++i) {
          // The third batch starts at position 14.
          const auto position = static_cast<std::uint64_t>(2 * kBatch + i);
          const auto row = static_cast<std::int64_t>(shuffle ? permutation(position) : position);
          for (std::int64_t j = 0; j < kCols; ++j) {
            const auto at = static_cast<std::size_t>(transform.offset.size() > 1 ? j : 0);
            const float expected =
                (numbers[static_cast<std::size_t>(row * kCols + j)] - transform.offset[at]) *
                transform.scale[0];
            ASSERT_FLOAT_EQ(actual[static_cast<std::size_t>(i * kCols + j)], expected);
          }
        }
      }
    }
  }
}

// Logits as far out as floats go: the loss is linear there, and its gradient 0 or 1.
TEST_P(Ops, LogitsOfABinaryLossStayFinite) {
  Program program(2, {});
  const ValueId x = program.input("x", 2, 3);
  const ValueId y = program.input("y", 2, 3);
  const ValueId gradient = program.loss({LossKind::sigmoid_binary_cross_entropy}, x, y, true);
  program.keep(gradient);
  auto arena = backend().create_arena({}, 0);
  const auto executable = backend().compile(program, *arena);
  executable->write(x, std::vector<float>{1000, -1000, 1e30F, -1e30F, 600, -6000});
  executable->write(y, std::vector<float>{1, 0, 1, 0, 0, 1});
  executable->run(1);
  EXPECT_FLOAT_EQ(executable->wait()[0].loss, 6600.0F / 6);
  std::vector<float> actual(6);
  executable->read(gradient, actual);
  EXPECT_EQ(actual, (std::vector<float>{0, 0, 0, 0, 1.0F / 6, -1.0F / 6}));
}

// A weight, a bias, and what each rule keeps of them, over several steps.
TEST_P(Ops, Updates) {
  std::set<std::size_t> kinds;
  for (const OptimizerPtr& optimizer : all_optimizers()) {
    const UpdateRule rule = optimizer->rule();
    kinds.insert(rule.index());
    constexpr std::int64_t kRows = 5, kIn = 37, kOut = 41;
    Program program(kRows, {weight(kOut, kIn), bias(kOut)});
    const ValueId x = program.input("x", kRows, kIn);
    const ValueId y = program.linear(x, program.parameter(0));
    const ValueId biased = program.add_bias(y, program.parameter(1));
    const ValueId target = program.input("target", kRows, kOut);
    const ValueId dy = program.loss({LossKind::mean_squared_error}, biased, target, true);
    program.linear_weight_grad(dy, x, program.gradient(0));
    program.bias_grad(dy, program.gradient(1));
    program.update(rule);
    auto arena = backend().create_arena(program.parameters(), states_of(rule));
    arena->set_learning_rate(0.01F);
    const auto executable = backend().compile(program, *arena);
    std::vector<Numbers> given(program.values().size());
    const auto give = [&](ValueId id, std::uint64_t stream) {
      const Value& value = program.value(id);
      given[static_cast<std::size_t>(id)] =
          random_numbers(static_cast<std::size_t>(value.rows * value.cols), stream);
      return floats(given[static_cast<std::size_t>(id)]);
    };
    executable->write(x, give(x, 1));
    executable->write(target, give(target, 2));
    arena->write(Arena::Part::parameters, 0, give(0, 3));
    arena->write(Arena::Part::parameters, 1, give(1, 4));
    std::vector<std::vector<Numbers>> states(2);
    for (std::size_t slot = 0; slot < 2; ++slot) {
      states[slot].assign(static_cast<std::size_t>(states_of(rule)),
                          Numbers(given[slot].size(), 0.0));
    }
    for (std::int64_t t = 1; t <= 20; ++t) {
      const ReferenceResult expected = interpret(program, given);
      executable->run(1);
      EXPECT_NEAR(executable->wait()[0].loss, expected.loss, 2e-5);
      for (std::size_t slot = 0; slot < 2; ++slot) {
        reference_update(rule, 0.01F, t, slot == 0 ? 2 : 1, expected.values[slot + 2], given[slot],
                         states[slot]);
        const auto expect = [&](Arena::Part part, const Numbers& numbers, double tolerance) {
          std::vector<float> actual(numbers.size());
          arena->read(part, static_cast<int>(slot), actual);
          for (std::size_t i = 0; i < actual.size(); ++i) {
            ASSERT_NEAR(actual[i], numbers[i], tolerance)
                << optimizer->str() << ", step " << t << ", slot " << slot << "[" << i << "]";
          }
        };
        expect(Arena::Part::parameters, given[slot], 2e-5);
        for (std::size_t k = 0; k < states[slot].size(); ++k) {
          expect(k == 0 ? Arena::Part::state0 : Arena::Part::state1, states[slot][k], 2e-5);
        }
      }
      EXPECT_EQ(arena->steps(), t);
    }
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<UpdateRule>);
}

INSTANTIATE_TEST_SUITE_P(Devices, Ops, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
