// Nothing is allocated inside a step, and nothing by predict_row() after its first call.

#include <gtest/gtest.h>

#include "counting_new.h"
#include "problems.h"

namespace minnow::testing {
namespace {

template <class F>
long allocations_of(F f) {
  const long before = allocations();
  f();
  return allocations() - before;
}

TEST(AllocationTest, StepsAllocateNothing) {
  for (const int threads : {1, 2}) {
    Model model = wide_classifier();
    Trainer trainer(model, cross_entropy(), adam(), open("cpu", {.threads = threads}));
    const Tensor x = random_tensor({640, 784}, 1);
    const Tensor y = labels_of(x, 10);
    // The same calls around 1 step and around 20: the difference is what a step allocates. The
    // first of each is planned.
    const FitOptions options{.batch_size = 32};
    const Tensor one_x = x.rows(0, 32), one_y = y.rows(0, 32);
    trainer.fit(one_x, one_y, options);
    const long few = allocations_of([&] { trainer.fit(one_x, one_y, options); });
    trainer.fit(x, y, options);
    const long many = allocations_of([&] { trainer.fit(x, y, options); });
    EXPECT_GT(few, 0);
    EXPECT_EQ(many, few) << threads << " threads";
  }
}

TEST(AllocationTest, PredictRowAllocatesNothingAfterItsFirstCall) {
  Model model = wide_classifier();
  Trainer trainer(model, cross_entropy(), adam(), open("cpu"));
  const std::vector<float> row(784, 0.5F);
  trainer.predict_row(row);
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 100; ++i) trainer.predict_row(row);
            }),
            0);
}

}  // namespace
}  // namespace minnow::testing
