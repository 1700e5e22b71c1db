// Every op, on every device, on odd sizes, against the double-precision reference; losses are in
// losses_test.cpp.

#include <cmath>
#include <set>
#include <variant>

#include "on_random_numbers.h"

namespace minnow::testing {
namespace {

class Ops : public OnRandomNumbers {};

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
