// What the plugin holds of a GPU's memory: the plan, the budget and the fakes' own count agree; and
// what is said when it runs out.

#include "fake.h"
#include "message_of.h"
#include "trained.h"

namespace minnow::testing {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

class CudaMemory : public OverFakes {
 protected:
  std::int64_t in_use() const { return static_cast<std::int64_t>(fake().bytes_in_use()); }
  std::int64_t most_in_use() const { return static_cast<std::int64_t>(fake().peak_bytes()); }
};

TEST_F(CudaMemory, ThePlanIsWhatIsHeldAndAllocated) {
  const std::vector<Net> nets{{10, {10}, 1, false}, {784, {16}, 10, true}, {7, {31, 33}, 5, true},
                              {5, {}, 3, true},     {33, {1, 7}, 2, true}, {40, {600}, 10, true}};
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    for (const Net& net : nets) {
      for (const std::int64_t batch : {1, 32, 257}) {
        for (const auto& optimizer : {adam(), sgd()}) {
          const Device device = open("cuda", {.precision = precision});
          Model model = model_of(net);
          Trainer trainer(model, loss_of(net), optimizer, device);
          const MemoryPlan plan = trainer.memory_plan(batch);
          trainer.explain(batch);  // compiles
          EXPECT_EQ(device.memory().held.str(), plan.str());
          EXPECT_EQ(in_use(), plan.total()) << plan.str();
        }
      }
    }
  }
}

TEST_F(CudaMemory, EveryByteIsAccountedForAtAnyTime) {
  for (const Net& net : {Net{10, {20}, 3, true}, Net{5, {}, 3, true}, Net{13, {129}, 1, false}}) {
    const Device device = open("cuda");
    {
      Model model = model_of(net);
      const Tensor x = random_tensor({90, net.inputs}, 1);
      const Tensor y = net.classifier ? labels_of(x, net.outputs) : random_tensor({90, 1}, 2);
      Trainer trainer(model, loss_of(net), adam(), device);
      const auto expect_known = [&](const char* after) {
        EXPECT_EQ(device.memory().held.total(), in_use()) << after;
      };
      expect_known("making it");
      trainer.evaluate(x, y, 32);
      expect_known("evaluate");
      trainer.predict(x);
      expect_known("predict");
      trainer.step(x.rows(0, 30), y.rows(0, 30));
      expect_known("step");
      trainer.predict_row(x.data<float>().first(static_cast<std::size_t>(net.inputs)));
      expect_known("predict_row");
      trainer.fit(x, y, {.batch_size = 32, .validation_split = 0.1});
      expect_known("fit");
      EXPECT_EQ(device.memory().peak.total(), most_in_use());
      // 81 rows train, 9 validate, beside the 30 of step() and the row of predict_row().
      Backend& backend = device.backend();
      const DType type = y.dtype();
      std::int64_t data = backend.upload_bytes(DType::f32, 1, net.inputs);
      for (const std::int64_t rows : {81, 9, 30}) {
        data += backend.upload_bytes(DType::f32, rows, net.inputs) +
                backend.upload_bytes(type, rows, 1);
      }
      EXPECT_EQ(device.memory().peak.data, data);
    }
    // The workspace stays with the device.
    EXPECT_EQ(device.memory().held.total(), in_use());
    EXPECT_EQ(device.memory().held.total(), device.memory().held.workspace);
    fake().config(kQuick);
  }
}

TEST_F(CudaMemory, ALimitRefusesBeforeAnythingIsAllocated) {
  const Device device = open("cuda", {.memory_limit = 6 * kMiB});
  EXPECT_EQ(device.memory().free, 6 * kMiB);
  EXPECT_EQ(device.memory().evidence, "memory limit 6.00 MiB, of it 0 B used");
  Model large = model_of({784, {512}, 10, true});
  EXPECT_EQ(message_of<ResourceExhausted>(
                [&] { Trainer(large, cross_entropy(), adam(), device).explain(1); }),
            "the memory limit of cuda:0 is too small for the parameters, gradients and optimizer "
            "state. [MN-M03]\n"
            "  evidence: needs 6.21 MiB; limit 6.00 MiB, of it 6.00 MiB free\n"
            "  remedy:   raise the limit, or give a smaller batch or model\n"
            "  effect:   nothing was allocated");
  EXPECT_EQ(in_use(), 0);
  Model small = small_classifier();
  Trainer trainer(small, cross_entropy(), adam(), device);
  const Tensor x = random_tensor({64, 10}, 1);
  trainer.fit(x, labels_of(x, 3));
  const MemoryState state = device.memory();
  EXPECT_EQ(state.held.total(), in_use());
  EXPECT_EQ(state.free, 6 * kMiB - in_use());
  EXPECT_LT(state.total, std::int64_t{1} << 40);
  const std::string message = message_of<ResourceExhausted>([&] { trainer.explain(40000); });
  EXPECT_NE(message.find("is too small for a program of 40000 rows. [MN-M03]"), std::string::npos)
      << message;
  const Tensor many = random_tensor({100000, 10}, 1);
  const std::string data = message_of<ResourceExhausted>([&] { trainer.predict(many); });
  EXPECT_NE(data.find("is too small for the data set. [MN-M03]"), std::string::npos) << data;
  EXPECT_EQ(device.memory().held.total(), in_use());
  EXPECT_NO_THROW(trainer.fit(x, labels_of(x, 3)));
}

TEST_F(CudaMemory, TwoLimitedDevicesShareOneGpu) {
  const Device a = open("cuda:0", {.memory_limit = 8 * kMiB});
  const Device b = open("cuda:0", {.memory_limit = 8 * kMiB});
  Model first = small_classifier(), second = small_classifier();
  Trainer on_a(first, cross_entropy(), adam(), a), on_b(second, cross_entropy(), adam(), b);
  const Tensor x = random_tensor({64, 10}, 1), y = labels_of(x, 3);
  on_a.fit(x, y);
  EXPECT_GT(a.memory().held.total(), b.memory().held.total());
  EXPECT_THROW(on_a.explain(50000), ResourceExhausted);
  on_b.fit(x, y);
  EXPECT_EQ(a.memory().held.str(), b.memory().held.str());
  EXPECT_EQ(a.memory().held.total() + b.memory().held.total(), in_use());
  EXPECT_EQ(all_weights(first), all_weights(second));
}

TEST_F(CudaMemory, WithoutALimitTheGpuSaysWhatIsFree) {
  fake().config(kQuick + ";mem=64M");
  const Device device = open("cuda");
  EXPECT_EQ(device.memory().total, 64 * kMiB);
  EXPECT_EQ(device.memory().free, 64 * kMiB);
  EXPECT_EQ(device.memory().evidence, "cudaMemGetInfo");
  fake().config("cudaMemGetInfo=2");
  EXPECT_EQ(device.memory().free, -1);
  EXPECT_EQ(device.memory().evidence, "");
}

TEST_F(CudaMemory, RunningOutSaysWhatIsHeldByClass) {
  fake().config(kQuick + ";mem=16M");
  const Device device = open("cuda");
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), device);
  const Tensor x = random_tensor({64, 10}, 1);
  trainer.step(x, labels_of(x, 3));
  const MemoryPlan held = device.memory().held;
  const std::string free = format_bytes(16 * kMiB - in_use());
  try {
    trainer.explain(200000);
    FAIL();
  } catch (const ResourceExhausted& error) {
    const std::string bytes = std::to_string(error.needed_bytes());
    EXPECT_EQ(error.cause(), "not enough memory on cuda:0 for compiling a program of 200000 rows.");
    EXPECT_EQ(error.evidence(), "cudaMalloc(" + bytes +
                                    ") -> 2 cudaErrorMemoryAllocation (out of memory); needs " +
                                    format_bytes(error.needed_bytes()) + "; " + free +
                                    " of 16.0 MiB free; held through this device: " + held.str());
    EXPECT_EQ(error.free_bytes(), 16 * kMiB - in_use());
  }
  EXPECT_EQ(device.memory().held.str(), held.str());
}

TEST_F(CudaMemory, AFailedHandleIsTakenForMissingMemory) {
  for (const auto& [status, text] :
       {std::pair("1",
                  "1 CUBLAS_STATUS_NOT_INITIALIZED (the library was not initialized), which "
                  "here means too little memory; "),
        std::pair("3", "3 CUBLAS_STATUS_ALLOC_FAILED (")}) {
    fake().config(kQuick + ";mem=64M;cublasLtCreate@1=" + status);
    const Device device = open("cuda");
    Model model = small_classifier();
    Trainer trainer(model, cross_entropy(), adam(), device);
    try {
      trainer.explain(32);
      FAIL();
    } catch (const ResourceExhausted& error) {
      EXPECT_EQ(error.code(), Code("MN-M02"));
      EXPECT_EQ(error.evidence().find(std::string("cublasLtCreate -> ") + text), 0U)
          << error.evidence();
      EXPECT_NE(error.evidence().find(" of 64.0 MiB free; held through this device: parameters "),
                std::string::npos)
          << error.evidence();
    }
    EXPECT_EQ(device.memory().held.total(), in_use());
    EXPECT_NO_THROW(trainer.explain(32));  // the memory is there again
    EXPECT_EQ(device.memory().held.total(), in_use());
  }
}

}  // namespace
}  // namespace minnow::testing
