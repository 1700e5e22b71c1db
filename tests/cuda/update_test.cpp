// An update after which a weight or a moment would not be finite changes nothing: told from bounds,
// or, where those do not suffice, from every number. The same on both devices.

#include <cmath>
#include <memory>

#include "functions.h"
#include "training.h"

namespace minnow::testing {
namespace {

constexpr std::int64_t kNumbers = 1100;  // of each parameter: more than a block looks at at once

/// A weight and a bias, whose gradients are given.
class Stepper {
 public:
  Stepper(const char* device, const OptimizerPtr& optimizer, float rate)
      : device_(open(device)), rule_(optimizer->rule()) {
    Program program(1, {{.name = "0.weight", .cols = kNumbers, .given = {}},
                        {.name = "0.bias", .rank = 1, .cols = kNumbers, .given = {}}});
    one_ = program.input("one", 1, 1);
    for (ValueId& id : gradients_) id = program.input("gradient", 1, kNumbers);
    program.linear_weight_grad(one_, gradients_[0], program.gradient(0));
    program.bias_grad(gradients_[1], program.gradient(1));
    program.update(rule_);
    arena_ = device_.backend().create_arena(program.parameters(), states_of(rule_));
    arena_->set_learning_rate(rate);
    executable_ = device_.backend().compile(program, *arena_);
    executable_->write(one_, std::vector<float>{1.0F});
  }

  void set(Arena::Part part, int slot, float value, std::int64_t at = -1) {
    std::vector<float> values(kNumbers, at < 0 ? value : 0.5F);
    if (at >= 0) values[static_cast<std::size_t>(at)] = value;
    arena_->write(part, slot, values);
  }
  /// All gradients are `g`, but that number `at` of the bias's is `other`.
  void run(float g, float other, std::int64_t at, std::int64_t steps = 1) {
    std::vector<float> values(kNumbers, g);
    executable_->write(gradients_[0], values);
    values[static_cast<std::size_t>(at)] = other;
    executable_->write(gradients_[1], values);
    executable_->run(steps);
    executable_->wait();
  }
  /// What is thrown; empty: the steps were done.
  std::string tried(float g, float other, std::int64_t at, std::int64_t steps = 1) {
    try {
      run(g, other, at, steps);
      return "";
    } catch (const NumericError& error) {
      return error.tensor();
    }
  }
  std::vector<float> numbers() const {
    std::vector<float> all;
    for (int part = 0; part < 2 + states_of(rule_); ++part) {
      if (part == static_cast<int>(Arena::Part::gradients)) continue;
      for (const int slot : {0, 1}) {
        std::vector<float> values(kNumbers);
        arena_->read(static_cast<Arena::Part>(part), slot, values);
        all.insert(all.end(), values.begin(), values.end());
      }
    }
    return all;
  }
  std::int64_t steps() const { return arena_->steps(); }

 private:
  Device device_;
  UpdateRule rule_;
  ValueId one_ = kNoValue;
  ValueId gradients_[2] = {};
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<Executable> executable_;
};

bool finite(const std::vector<float>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
}

class CudaUpdates : public OnCuda {};

// By a gradient whose square is infinite; where none is squared, by the last step of a weight.
TEST_F(CudaUpdates, OneThatOverflowsChangesNothing) {
  for (const OptimizerPtr& optimizer : all_optimizers(1.0F)) {
    for (const char* device : {"cpu", "cuda"}) {
      SCOPED_TRACE(std::string(device) + ": " + optimizer->str());
      Stepper stepper(device, optimizer, 1.0F);
      stepper.run(0.25F, 0.5F, 3, 2);
      const bool squares = optimizer->name() != "sgd";
      if (!squares) stepper.set(Arena::Part::parameters, 1, -3e38F, 1033);
      const std::vector<float> before = stepper.numbers();
      const float huge = squares ? 3e30F : 2e38F;
      EXPECT_EQ(stepper.tried(0.25F, huge, 1033, 3), "update of 0.bias");
      EXPECT_EQ(stepper.numbers(), before);
      EXPECT_EQ(stepper.steps(), 2);
      EXPECT_EQ(stepper.tried(0.25F, -0.5F, 1033), "");
      EXPECT_EQ(stepper.steps(), 3);
      EXPECT_TRUE(finite(stepper.numbers()));
    }
  }
}

// Near the end of float32 the bounds do not suffice, but every number stays finite: the steps are
// done, with the bits that they have where bounds suffice.
TEST_F(CudaUpdates, OneThatStaysFiniteIsAppliedHoweverLargeItIs) {
  for (const OptimizerPtr& optimizer : all_optimizers(1.0F)) {
    SCOPED_TRACE(optimizer->str());
    const float huge = optimizer->name() == "sgd" ? 1.2e38F : 1.5e19F;
    std::vector<std::vector<float>> results;
    for (const char* device : {"cpu", "cuda"}) {
      Stepper stepper(device, optimizer, 0.5F);
      for (int step = 0; step < 6; ++step) {
        // The sign changes, so that nothing grows but the bounds.
        EXPECT_EQ(stepper.tried(0.25F, step % 2 == 0 ? huge : -huge, 700), "") << step;
      }
      EXPECT_EQ(stepper.tried(0.25F, 1.0F, 700, 20), "");
      EXPECT_EQ(stepper.steps(), 26);
      results.push_back(stepper.numbers());
    }
    for (std::size_t i = 0; i < results[0].size(); ++i) {
      ASSERT_NEAR(results[1][i], results[0][i], 1e-5F * (1 + std::abs(results[0][i]))) << i;
    }
  }
}

// Steps of 2e37 up and down from 9e37: the bounds pass 1e38 again and again, and are made exact.
TEST_F(CudaUpdates, BoundsThatGrewAreMadeExact) {
  for (const char* device : {"cpu", "cuda"}) {
    Stepper stepper(device, sgd(), 1.0F);
    stepper.set(Arena::Part::parameters, 0, 1.0F);
    stepper.set(Arena::Part::parameters, 1, 9e37F);
    for (int step = 0; step < 40; ++step) {
      ASSERT_EQ(stepper.tried(0, step % 2 == 0 ? 2e37F : -2e37F, 1099), "") << device << step;
    }
    EXPECT_EQ(stepper.tried(0, -3e38F, 1099), "update of 0.bias") << device;
    EXPECT_EQ(stepper.steps(), 40);
  }
}

TEST_F(CudaUpdates, AMomentThatIsNotFiniteIsFound) {
  for (const float value : {std::nanf(""), INFINITY}) {
    for (const char* device : {"cpu", "cuda"}) {
      for (const Arena::Part part : {Arena::Part::state0, Arena::Part::state1}) {
        Stepper stepper(device, adam(), 1e-3F);
        stepper.set(part, 0, value, 1050);
        EXPECT_EQ(stepper.tried(0.25F, 0.25F, 0), "update of 0.weight") << device << value;
        EXPECT_EQ(stepper.steps(), 0);
      }
    }
  }
}

TEST_F(CudaUpdates, AGradientThatIsNotFiniteIsNamedAndChangesNothing) {
  for (const float value : {std::nanf(""), INFINITY, -INFINITY}) {
    for (const std::int64_t at : {std::int64_t{0}, kNumbers - 1}) {
      Stepper stepper("cuda", adam(), 1e-3F);
      const std::vector<float> before = stepper.numbers();
      EXPECT_EQ(stepper.tried(0.25F, value, at).find("gradient of 0.bias ("), 0U);
      EXPECT_EQ(stepper.numbers(), before);
      EXPECT_EQ(stepper.steps(), 0);
      EXPECT_EQ(stepper.tried(0.25F, 0.25F, at), "");
    }
  }
}

}  // namespace
}  // namespace minnow::testing
