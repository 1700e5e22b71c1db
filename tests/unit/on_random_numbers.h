#pragma once

// Runs a program on a device from random numbers, and compares all that it makes with the
// double-precision reference.

#include <minnow/random.h>

#include <cmath>
#include <vector>

#include "devices.h"
#include "functions.h"
#include "reference.h"

namespace minnow::testing {

inline constexpr std::int64_t kSizes[] = {1, 7, 10, 31, 33, 129};

class OnRandomNumbers : public OnDevice {
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

}  // namespace minnow::testing
