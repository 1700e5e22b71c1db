// What bf16 products take is planned, bounded, and given back.

#include <algorithm>

#include "bf16.h"
#include "counting_new.h"

namespace minnow::testing {
namespace {

class Bf16Memory : public Bf16 {};

TEST_F(Bf16Memory, ThePlanIsWhatIsTaken) {
  for (const std::int64_t hidden : {16, 200, 515}) {
    for (const std::int64_t batch : {1, 96, 1000}) {
      for (const int threads : {1, 2}) {
        Model model(784, {dense(hidden), relu(), dense(hidden), relu(), dense(40)});
        const Device device = open_bf16(threads);
        const std::int64_t before = block_bytes();
        Trainer trainer(model, mse(), adam(), device);
        trainer.explain(batch);
        const MemoryPlan plan = trainer.memory_plan(batch);
        EXPECT_EQ(device.memory().held.str(), plan.str());
        EXPECT_EQ(block_bytes() - before, plan.total()) << hidden << ", " << batch;
        Trainer exact(model, mse(), adam(), open("cpu", {.threads = threads}));
        const std::int64_t more = plan.workspace - exact.memory_plan(batch).workspace;
        // The larger factors are (hidden x 784) and (784 x batch), in 2 bytes.
        if (hidden > 32 && batch > 32) {
          EXPECT_GT(more, 2 * 784 * std::max(hidden, batch));
        } else {
          EXPECT_EQ(more, 0);
        }
      }
    }
  }
}

TEST_F(Bf16Memory, ALimitHoldsForTheRoundedFactorsToo) {
  Model model(784, {dense(128), relu(), dense(10), softmax()});
  std::int64_t fp32 = 0;
  {
    Trainer trainer(model, cross_entropy(), adam(), open("cpu", {.threads = 1}));
    fp32 = trainer.memory_plan(512).total();
  }
  const std::string message = message_of<ResourceExhausted>(
      [&] { Trainer(model, cross_entropy(), adam(), open_bf16(1, fp32)).explain(512); });
  EXPECT_NE(message.find("a program of 512 rows. [MN-M03]"), std::string::npos) << message;
}

// What a product of oneDNN allocates for its arguments goes again, and nothing of it is large.
TEST_F(Bf16Memory, StepsKeepNoMemory) {
  Model model(784, {dense(200), relu(), dense(10), softmax()}, {.seed = 1});
  Trainer trainer(model, cross_entropy(), adam(), open_bf16(2));
  const Tensor x = random_tensor({640, 784}, 1);
  const Tensor y = labels_of(x, 10);
  const FitOptions options{.epochs = 3, .batch_size = 64};
  trainer.fit(x, y, options);
  const long live = live_allocations();
  const std::int64_t blocks = block_bytes();
  for (int time = 0; time < 3; ++time) trainer.fit(x, y, options);
  EXPECT_EQ(live_allocations(), live);
  EXPECT_EQ(block_bytes(), blocks);
}

}  // namespace
}  // namespace minnow::testing
