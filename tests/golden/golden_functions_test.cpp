// Activations and losses, with their derivatives, against what PyTorch computed in double precision
// (make_golden.py).

#include "golden_functions.h"

#include <minnow/minnow.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "devices.h"

namespace minnow::testing {
namespace {

class GoldenFunctions : public OnDevice {
 protected:
  /// Runs a program over `inputs` and reads `outputs`.
  std::vector<std::vector<float>> run(
      const Program& program, const std::vector<std::pair<ValueId, std::vector<float>>>& inputs,
      const std::vector<ValueId>& outputs, StepResult* result = nullptr) {
    const auto arena = backend().create_arena({}, 0);
    const auto executable = backend().compile(program, *arena);
    for (const auto& [id, values] : inputs) executable->write(id, values);
    executable->run(1);
    const StepResult step = executable->wait()[0];
    if (result != nullptr) *result = step;
    std::vector<std::vector<float>> read;
    for (const ValueId id : outputs) {
      const Value& value = program.value(id);
      read.emplace_back(static_cast<std::size_t>(value.rows * value.cols));
      executable->read(id, read.back());
    }
    return read;
  }

  template <std::size_t N>
  static void expect_near(const std::vector<float>& actual, const std::array<double, N>& expected,
                          double tolerance, const char* what) {
    ASSERT_EQ(actual.size(), N);
    for (std::size_t i = 0; i < N; ++i) {
      ASSERT_NEAR(actual[i], expected[i], 5e-7 * std::abs(expected[i]) + tolerance)
          << what << " " << i;
    }
  }
};

TEST_P(GoldenFunctions, Activations) {
  std::set<ActivationKind> seen;
  const std::vector<float> points(std::begin(golden::kPoints), std::end(golden::kPoints));
  const auto count = static_cast<std::int64_t>(points.size());
  for (const golden::ActivationValues& expected : golden::kActivationValues) {
    SCOPED_TRACE(expected.activation);
    const Activation f = parse_activation(expected.activation).value();
    seen.insert(f.kind);
    Program program(1, {});
    const ValueId x = program.input("x", 1, count), dy = program.input("dy", 1, count);
    const ValueId y = program.activate(f, x);
    const ValueId dx = program.activate_grad(f, dy, x, y);
    program.keep(y);
    program.keep(dx);
    const std::vector<float> ones(points.size(), 1.0F);
    const auto actual = run(program, {{x, points}, {dy, ones}}, {y, dx});
    // PyTorch's gelu loses its digits below -5, some 1e-16.
    expect_near(actual[0], expected.values, 1e-15, "value");
    expect_near(actual[1], expected.slopes, 4e-7, "slope");
  }
  seen.insert(ActivationKind::identity);
  EXPECT_EQ(seen.size(), std::size(kActivations.entries)) << "one has no golden numbers";
}

std::vector<float> given(golden::Given what) {
  switch (what) {
    case golden::Given::logits:
      return golden::uniform(21, 4, 15);
    case golden::Given::probabilities:
      return golden::unit(22, 15);
    case golden::Given::values:
      return golden::uniform(23, 4, 15);
    case golden::Given::shares:
      return golden::unit(24, 15);
    case golden::Given::labels: {
      std::vector<float> labels(5);
      for (std::size_t row = 0; row < labels.size(); ++row) {
        labels[row] = static_cast<float>(golden::bits(25, row) % 3);
      }
      return labels;
    }
  }
  return {};
}

TEST_P(GoldenFunctions, Losses) {
  std::set<LossKind> seen;
  for (const golden::LossValues& expected : golden::kLossValues) {
    SCOPED_TRACE(traits_of(expected.kind).name);
    seen.insert(expected.kind);
    Program program(5, {});
    const ValueId x = program.input("x", 5, 3);
    const ValueId y = expected.target == golden::Given::labels
                          ? program.input("labels", 5, 1, DType::i32)
                          : program.input("target", 5, 3);
    const ValueId gradient = program.loss({expected.kind, expected.parameter}, x, y, true);
    program.keep(gradient);
    StepResult step;
    const auto actual = run(program, {{x, given(expected.prediction)}, {y, given(expected.target)}},
                            {gradient}, &step);
    EXPECT_NEAR(step.loss, expected.loss, 5e-7 * expected.loss);
    expect_near(actual[0], expected.gradient, 1e-7, "gradient");
  }
  // Keras's cross-entropy of probabilities, which PyTorch has not, is in golden_data.h.
  seen.insert(LossKind::cross_entropy);
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(LossKind::softmax_cross_entropy) + 1)
      << "one has no golden numbers";
}

INSTANTIATE_TEST_SUITE_P(Devices, GoldenFunctions, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
