// Gradients of whole models against central differences of the double-precision loss.

#include <minnow/random.h>

#include <cmath>

#include "devices.h"
#include "reference.h"

namespace minnow::testing {
namespace {

class Gradients : public OnDevice {
 protected:
  void check(const Model& model, const LossPtr& loss, TargetKind kind, bool fused) {
    constexpr std::int64_t kBatch = 6;
    Program program(kBatch, model.parameters());
    const ValueId x = program.input("x", kBatch, model.inputs());
    const bool labels = kind == TargetKind::labels;
    const ValueId target = program.input("target", kBatch, labels ? 1 : model.outputs(),
                                         labels ? DType::i32 : DType::f32);
    std::vector<ValueId> outputs_of;
    const ValueId prediction = model.record_forward(program, x, &outputs_of);
    const ValueId gradient = loss->record(program, prediction, target, true);
    model.record_backward(program, x, outputs_of, gradient);
    const Program compiled = fused ? fuse(program) : program;

    std::vector<Numbers> given(program.values().size());
    auto arena = backend().create_arena(model.parameters(), 0);
    for (std::size_t slot = 0; slot < model.parameters().size(); ++slot) {
      const Tensor values = model.weight(model.parameters()[slot].name);
      arena->write(Arena::Part::parameters, static_cast<int>(slot), values.data<float>());
      given[slot] = Numbers(values.data<float>().begin(), values.data<float>().end());
    }
    const auto executable = backend().compile(compiled, *arena);
    for (const ValueId id : {x, target}) {
      const Value& value = program.value(id);
      std::vector<float> numbers;
      for (std::int64_t i = 0; i < value.rows * value.cols; ++i) {
        const auto words =
            random_words(3, static_cast<std::uint64_t>(id), static_cast<std::uint64_t>(i));
        numbers.push_back(
            value.dtype == DType::i32
                ? static_cast<float>(words.word[0] % static_cast<std::uint32_t>(model.outputs()))
                : to_unit_float(words.word[0]));
      }
      executable->write(id, numbers);
      given[static_cast<std::size_t>(id)] = Numbers(numbers.begin(), numbers.end());
    }
    executable->run(1);
    executable->wait();

    // Which ReLUs are open: a difference across a kink is no derivative.
    const auto open_gates = [&](const ReferenceResult& result) {
      std::vector<bool> gates;
      for (const Op& op : program.ops()) {
        if (op.kind != OpKind::relu) continue;
        for (const double y : result.values[static_cast<std::size_t>(op.outputs[0])]) {
          gates.push_back(y > 0);
        }
      }
      return gates;
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
        if (open_gates(above) != open_gates(below)) continue;
        const double expected = (above.loss - below.loss) / (2 * kStep);
        ASSERT_NEAR(actual[i], expected, 1e-5 * (1 + std::abs(expected)))
            << model.parameters()[slot].name << "[" << i << "]";
        ++checked;
      }
    }
    EXPECT_GT(checked, model.parameter_count() / 2);
  }
};

TEST_P(Gradients, RegressionWithReLUs) {
  const Model model(5, {dense(7, {.init = Init::he_normal}), relu(), dense(6), relu(), dense(3)},
                    {.seed = 4});
  for (const bool fused : {false, true}) check(model, mse(), TargetKind::values, fused);
}

TEST_P(Gradients, LayersWithoutBias) {
  const Model model(5, {dense(7, {.bias = false}), relu(), dense(2, {.bias = false})}, {.seed = 5});
  for (const bool fused : {false, true}) check(model, mse(), TargetKind::values, fused);
}

TEST_P(Gradients, SoftmaxCrossEntropyFromLabelsAndSoftTargets) {
  const Model model(5, {dense(8), relu(), dense(4), softmax()}, {.seed = 6});
  for (const bool fused : {false, true}) {
    check(model, cross_entropy(), TargetKind::labels, fused);
    check(model, cross_entropy(), TargetKind::values, fused);
  }
}

TEST_P(Gradients, CrossEntropyFromLogits) {
  const Model model(5, {dense(8), relu(), dense(4)}, {.seed = 7});
  for (const bool fused : {false, true}) {
    check(model, cross_entropy({.from_logits = true}), TargetKind::labels, fused);
  }
}

TEST_P(Gradients, SoftmaxBetweenLayersAndUnderMse) {
  const Model model(5, {dense(6), softmax(), dense(4), softmax()}, {.seed = 8});
  for (const bool fused : {false, true}) check(model, mse(), TargetKind::values, fused);
}

INSTANTIATE_TEST_SUITE_P(Devices, Gradients, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
