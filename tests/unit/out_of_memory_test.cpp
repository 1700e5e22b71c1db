// Every allocation of a training run on the CPU can fail, once or from then on. Each time: a right
// result or a typed error, nothing leaks, and the weights are those after a whole step.

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <map>
#include <new>

#include "counting_new.h"
#include "problems.h"

namespace minnow::testing {
namespace {

constexpr long kForGood = std::numeric_limits<long>::max();
#ifdef __SANITIZE_ADDRESS__
constexpr long kStride = 7;  // a run takes ten times as long
#else
constexpr long kStride = 3;
#endif

struct Problem {
  std::int64_t inputs;
  std::int64_t hidden;
  std::int64_t outputs;
  int threads;

  bool classifier() const { return outputs > 1; }
  Tensor x() const { return random_tensor({40, inputs}, 1); }
  Tensor y() const { return classifier() ? labels_of(x(), outputs) : random_tensor({40, 1}, 2); }
  LossPtr loss() const { return classifier() ? cross_entropy() : mse(); }
  Model model() const {
    std::vector<LayerPtr> layers{dense(hidden), relu(), dense(outputs)};
    if (classifier()) layers.push_back(softmax());
    return Model(inputs, std::move(layers), {.seed = 1});
  }
};

class OutOfMemory : public ::testing::TestWithParam<Problem> {
 protected:
  void TearDown() override { fail_no_allocation(); }
};

/// What one run came to.
struct Outcome {
  std::vector<float> result;
  std::string message;       // of a typed error
  bool bad_alloc = false;    // a bare one
  bool in_trainer = false;   // where it came from
  std::int64_t steps = 0;    // that the trainer has done
  std::vector<float> after;  // the weights when all was over
};

/// Two epochs with a partial batch and validation, a step, an evaluation and predictions.
void train(const Problem& problem, const Tensor& x, const Tensor& y, const FitOptions& options,
           Outcome& outcome) {
  std::optional<Model> model;
  std::optional<Trainer> trainer;
  const auto in_trainer = [&](auto call) {
    outcome.in_trainer = true;
    call();
    outcome.in_trainer = false;
  };
  try {
    model.emplace(problem.model());
    const Device device = open("cpu", {.threads = problem.threads});
    const LossPtr loss = problem.loss();
    const OptimizerPtr optimizer = adam();
    const Tensor few_x = x.rows(0, 8), few_y = y.rows(0, 8);
    const auto features = x.data<float>().first(static_cast<std::size_t>(problem.inputs));
    Evaluation evaluation;
    Tensor all;
    std::span<const float> row;
    in_trainer([&] { trainer.emplace(*model, loss, optimizer, device); });
    in_trainer([&] { trainer->fit(x, y, options); });
    in_trainer([&] { trainer->step(few_x, few_y); });
    in_trainer([&] { evaluation = trainer->evaluate(x, y, 16); });
    in_trainer([&] { all = trainer->predict(x); });
    in_trainer([&] { row = trainer->predict_row(features); });
    outcome.result.assign(row.begin(), row.end());
    outcome.result.insert(outcome.result.end(), all.data<float>().begin(), all.data<float>().end());
    outcome.result.push_back(static_cast<float>(evaluation.loss));
  } catch (const ResourceExhausted& error) {
    fail_no_allocation();
    EXPECT_EQ(error.code(), Code("MN-M08"));
    EXPECT_NE(error.evidence(), "");
    outcome.message = error.what();
  } catch (const std::bad_alloc&) {
    outcome.bad_alloc = true;
  }
  fail_no_allocation();
  if (trainer) outcome.steps = trainer->steps();
  if (model) outcome.after = all_weights(*model);
}

TEST_P(OutOfMemory, EveryRunEndsWellAndLeavesWholeWeights) {
  const Problem& problem = GetParam();
  const Tensor x = problem.x(), y = problem.y();
  const FitOptions options{.epochs = 2, .batch_size = 16, .validation_split = 0.2};
  Outcome undisturbed;
  train(problem, x, y, options, undisturbed);
  const long before = allocations();
  {
    Outcome again;
    train(problem, x, y, options, again);
    ASSERT_EQ(again.result, undisturbed.result);
  }
  const long count = allocations() - before;
  ASSERT_GT(count, 500);

  // The weights after each step of such a run.
  std::map<std::int64_t, std::vector<float>> weights_after;
  {
    Model model = problem.model();
    weights_after[0] = all_weights(model);
    Trainer trainer(model, problem.loss(), adam(), open("cpu", {.threads = problem.threads}));
    FitOptions watched = options;
    watched.on_batch_end = [&](const BatchResult&) {
      weights_after[trainer.steps()] = all_weights(model);
    };
    trainer.fit(x, y, watched);
    trainer.step(x.rows(0, 8), y.rows(0, 8));
    weights_after[trainer.steps()] = all_weights(model);
    ASSERT_EQ(weights_after.size(), 2U * 2U + 1U + 1U);
  }

  int typed = 0, bare = 0, right = 0;
  for (const long failing : {1L, kForGood}) {
    for (long n = 1; n <= count; n += kStride) {
      const std::string where = "allocation " + std::to_string(n) + (failing == 1 ? "" : " on");
      const long live = live_allocations();
      {
        Outcome outcome;
        fail_allocations(n, failing);
        train(problem, x, y, options, outcome);
        if (!outcome.message.empty()) {
          ++typed;
        } else if (outcome.bad_alloc) {
          ++bare;
          // Only where there is no memory for a message either, or before a trainer is there.
          EXPECT_FALSE(failing == 1 && outcome.in_trainer) << where;
        } else {
          ++right;
          EXPECT_EQ(outcome.result, undisturbed.result) << where;
        }
        if (!outcome.after.empty()) {
          EXPECT_EQ(outcome.after, weights_after.at(outcome.steps)) << where;
        }
      }
      EXPECT_EQ(live_allocations(), live) << where;
      ASSERT_FALSE(HasFailure()) << where;
    }
  }
  std::printf("%ld allocations: %d typed errors, %d std::bad_alloc, %d right results\n", count,
              typed, bare, right);
  EXPECT_GT(typed, 0);
  EXPECT_GT(right, count / kStride / 2);  // fit() frees memory and goes on
  // After all that, nothing has changed.
  Outcome last;
  train(problem, x, y, options, last);
  EXPECT_EQ(last.result, undisturbed.result);
}

TEST_P(OutOfMemory, AStepThatFailsCanBeTriedAgain) {
  const Problem& problem = GetParam();
  const Tensor x = problem.x(), y = problem.y();
  const auto run = [&](long n, long& failed) {
    Model model = problem.model();
    Trainer trainer(model, problem.loss(), adam(), open("cpu", {.threads = problem.threads}));
    if (n > 0) fail_allocations(n, 1);
    std::int64_t done = 0;
    for (const std::int64_t rows : {16, 16, 7, 16}) {
      const auto step = [&] {
        trainer.step(x.rows(done, done + rows / 2), y.rows(done, done + rows / 2));
      };
      try {
        step();
      } catch (const ResourceExhausted&) {
        ++failed;
        step();
      } catch (const std::bad_alloc&) {  // the test's own rows()
        step();
      }
      ++done;
      EXPECT_EQ(trainer.steps(), done);
    }
    fail_no_allocation();
    return all_weights(model);
  };
  long failed = 0;
  const long before = allocations();
  const auto expected = run(0, failed);
  const long count = allocations() - before;
  for (long n = 1; n <= count; n += kStride) {
    EXPECT_EQ(run(n, failed), expected) << n;
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(failed, 100 / kStride);
}

TEST(OutOfMemoryTest, SaysWhatWasGoingOn) {
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), open("cpu"));
  const Tensor x = random_tensor({8, 10}, 1), y = labels_of(x, 3);
  fail_allocations(1, 1);
  try {
    trainer.step(x, y);
    FAIL();
  } catch (const ResourceExhausted& error) {
    EXPECT_EQ(error.cause(), "not enough host memory while running a step.");
    EXPECT_EQ(error.code(), Code("MN-M08"));
    EXPECT_EQ(error.evidence().find("an allocation failed; available "), 0U) << error.evidence();
    EXPECT_EQ(error.remedy(), "give a smaller batch or model, or less data at a time");
    EXPECT_EQ(error.effect(), "the weights are those after the last complete step");
    EXPECT_GT(error.free_bytes(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Nets, OutOfMemory,
                         ::testing::Values(Problem{10, 10, 1, 1}, Problem{784, 16, 10, 4}));

}  // namespace
}  // namespace minnow::testing
