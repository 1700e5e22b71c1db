#pragma once

// Gradients of a model against central differences of the double-precision loss.

#include <gtest/gtest.h>
#include <minnow/minnow.h>
#include <minnow/random.h>

#include <cmath>
#include <vector>

#include "reference.h"

namespace minnow::testing {

inline void check_gradients(Backend& backend, const Model& model, const LossPtr& loss,
                            TargetKind kind, bool fused) {
  constexpr std::int64_t kBatch = 6;
  Program program(kBatch, model.parameters());
  const ValueId x = program.input("x", kBatch, model.inputs());
  const bool labels = kind == TargetKind::labels;
  const ValueId target = program.input("target", kBatch, labels ? 1 : model.outputs(),
                                       labels ? DType::i32 : DType::f32);
  std::vector<Forward> recorded;
  const ValueId prediction = model.record_forward(program, x, &recorded);
  const ValueId gradient = loss->record(program, prediction, target, true);
  model.record_backward(program, recorded, gradient);
  const Program compiled = fused ? fuse(program) : program;

  std::vector<Numbers> given(program.values().size());
  auto arena = backend.create_arena(model.parameters(), 0);
  for (std::size_t slot = 0; slot < model.parameters().size(); ++slot) {
    const Tensor values = model.weight(model.parameters()[slot].name);
    arena->write(Arena::Part::parameters, static_cast<int>(slot), values.data<float>());
    given[slot] = Numbers(values.data<float>().begin(), values.data<float>().end());
  }
  const auto executable = backend.compile(compiled, *arena);
  for (const ValueId id : {x, target}) {
    const Value& value = program.value(id);
    std::vector<float> numbers;
    for (std::int64_t i = 0; i < value.rows * value.cols; ++i) {
      const auto words =
          random_words(3, static_cast<std::uint64_t>(id), static_cast<std::uint64_t>(i));
      numbers.push_back(
          value.dtype == DType::i32
              ? static_cast<float>(words.word[0] %
                                   static_cast<std::uint32_t>(loss->classes(model.outputs())))
              : to_unit_float(words.word[0]));
    }
    executable->write(id, numbers);
    given[static_cast<std::size_t>(id)] = Numbers(numbers.begin(), numbers.end());
  }
  executable->run(1);
  executable->wait();

  // On which side of its kink each function is: a difference across one is no derivative.
  const auto sides_of = [&](const ReferenceResult& result) {
    const auto numbers = [&](ValueId id) { return result.values[static_cast<std::size_t>(id)]; };
    std::vector<bool> sides;
    for (const Op& op : program.ops()) {
      if (op.kind == OpKind::activate) {
        for (const double y : numbers(op.outputs[0])) sides.push_back(y > 0);
      }
      if (op.kind == OpKind::loss && program.value(op.inputs[1]).dtype == DType::f32) {
        const Numbers predicted = numbers(op.inputs[0]), wanted = numbers(op.inputs[1]);
        for (std::size_t i = 0; i < wanted.size(); ++i) sides.push_back(predicted[i] > wanted[i]);
      }
    }
    return sides;
  };
  constexpr double kStep = 1e-5;
  int checked = 0;
  for (std::size_t slot = 0; slot < model.parameters().size(); ++slot) {
    std::vector<float> actual(given[slot].size());
    arena->read(Arena::Part::gradients, static_cast<int>(slot), actual);
    for (std::size_t i = 0; i < actual.size() && i < 2000; ++i) {
      const double kept = given[slot][i];
      given[slot][i] = kept + kStep;
      const ReferenceResult above = interpret(program, given);
      given[slot][i] = kept - kStep;
      const ReferenceResult below = interpret(program, given);
      given[slot][i] = kept;
      if (sides_of(above) != sides_of(below)) continue;
      const double expected = (above.loss - below.loss) / (2 * kStep);
      ASSERT_NEAR(actual[i], expected, 1e-5 * (1 + std::abs(expected)))
          << model.parameters()[slot].name << "[" << i << "]";
      ++checked;
    }
  }
  EXPECT_GT(checked, model.parameter_count() / 2);
}

}  // namespace minnow::testing
