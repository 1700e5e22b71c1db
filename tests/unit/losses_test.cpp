// Losses and their gradients, one and several, on every device, on odd sizes, against the
// double-precision reference.

#include "on_random_numbers.h"

namespace minnow::testing {
namespace {

class LossOps : public OnRandomNumbers {};

TEST_P(LossOps, Losses) {
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
TEST_P(LossOps, SeveralTermsOfALoss) {
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

TEST_P(LossOps, SoftmaxIsFusedIntoTheCrossEntropy) {
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

TEST_P(LossOps, SigmoidIsFusedIntoTheBinaryCrossEntropy) {
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

TEST_P(LossOps, LogitsFarApartStayFinite) {
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

// Logits as far out as floats go: the loss is linear there, and its gradient 0 or 1.
TEST_P(LossOps, LogitsOfABinaryLossStayFinite) {
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

INSTANTIATE_TEST_SUITE_P(Devices, LossOps, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
