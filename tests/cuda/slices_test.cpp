// Steps in slices through the plugin: what the libraries are asked for, and what it costs.

#include <map>

#include "fake.h"
#include "record.h"
#include "trained.h"

namespace minnow::testing {
namespace {

class CudaSlices : public OnCuda {
 protected:
  static constexpr std::int64_t kBatch = 96;

  /// A step of a classifier with two hidden layers. Not Adam's, whose step on a gradient near zero
  /// is the learning rate in either direction.
  static Program step(std::int64_t slice, std::int64_t batch = kBatch) {
    return fuse(record(model(), *cross_entropy(), *sgd(),
                       {.batch = batch, .target = TargetKind::labels, .slice = slice}));
  }

  struct Ran {
    std::vector<float> losses;
    std::vector<float> weights;
    std::string explained;
  };
  /// Steps over the same batch.
  static Ran run(const Device& device, std::int64_t slice, std::int64_t steps = 3) {
    const Model trained = model();
    const Tensor x = random_tensor({kBatch, 40}, 1), y = labels_of(x, 10);
    const auto arena = device.backend().create_arena(trained.parameters(), 0);
    arena->set_learning_rate(0.5F);
    for (std::size_t slot = 0; slot < trained.parameters().size(); ++slot) {
      arena->write(Arena::Part::parameters, static_cast<int>(slot),
                   trained.weight(trained.parameters()[slot].name).data<float>());
    }
    const auto executable = device.backend().compile(step(slice), *arena);
    const auto rows = device.backend().upload(x.raw(), DType::f32, kBatch, 40);
    const auto labels = device.backend().upload(y.raw(), DType::i32, kBatch, 1);
    Ran ran{.losses = {}, .weights = {}, .explained = executable->explain()};
    for (std::int64_t i = 0; i < steps; ++i) {
      executable->bind({.x = rows.get(), .target = labels.get(), .rows = kBatch});
      executable->run(1);
      ran.losses.push_back(executable->wait()[0].loss);
    }
    for (std::size_t slot = 0; slot < trained.parameters().size(); ++slot) {
      const ParameterSpec& spec = trained.parameters()[slot];
      std::vector<float> values(static_cast<std::size_t>(spec.rows * spec.cols));
      arena->read(Arena::Part::parameters, static_cast<int>(slot), values);
      ran.weights.insert(ran.weights.end(), values.begin(), values.end());
    }
    return ran;
  }

 private:
  static Model model() {
    return Model(40, {dense(129), relu(), dense(33), relu(), dense(17), softmax()}, {.seed = 3});
  }
};

class CudaSlicesOverFakes : public CudaSlices {
 protected:
  void SetUp() override {
    CudaSlices::SetUp();
    if (!faked()) GTEST_SKIP() << "a real library may choose otherwise";
  }
};

TEST_F(CudaSlicesOverFakes, ExplainSaysHowGradientsAreSummed) {
  const std::string explained = run(open("cuda"), 40).explained;
  const auto expect = [&](std::string_view line) {
    EXPECT_NE(explained.find(line), std::string::npos) << line << "\n" << explained;
  };
  expect("cuda:0: captured graph, fp32, ");
  expect("  categorical cross-entropy  rows 0..39  (own kernel)\n");
  expect("  linear_weight_grad  dense_3  rows 0..39  (cuBLASLt, bias gradient in the epilogue)\n");
  expect("  bias_grad  dense_3  rows 0..39  (done by linear_weight_grad  dense_3)\n");
  expect("(cuBLASLt, ReLU and bias gradient in the epilogue)\n");
  expect(
      "  linear_weight_grad, added  dense_3  rows 40..79  (cuBLASLt, added to the slices before, "
      "own kernel for the bias gradient, as no epilogue adds to it)\n");
  expect(
      "  linear_input_grad+relu_grad  dense_3  rows 40..79  (cuBLASLt, ReLU gradient in the "
      "epilogue)\n");
  expect("  rows 80..95: as the slice before\n");
}

TEST_F(CudaSlicesOverFakes, TheHeadIsNotMergedAndExplainSaysWhy) {
  const Device device = open("cuda");
  const Model narrow(40, {dense(10), relu(), dense(10), softmax()}, {.seed = 1});
  const auto arena = device.backend().create_arena(narrow.parameters(), 0);
  const auto explain = [&](std::int64_t slice) {
    const Program program =
        fuse(record(narrow, *cross_entropy(), *sgd(),
                    {.batch = kBatch, .target = TargetKind::labels, .slice = slice}));
    return device.backend().compile(program, *arena)->explain();
  };
  EXPECT_NE(explain(0).find("(own kernel, with the loss)"), std::string::npos);
  EXPECT_NE(
      explain(40).find("  categorical cross-entropy  rows 0..39  (own kernel; not with the last "
                       "layer, as it is a slice)\n"),
      std::string::npos)
      << explain(40);
}

// A sum that ends one bit off may round to another factor of the next product.
TEST_F(CudaSlices, EveryPrecisionKeepsTheNumbers) {
  for (const auto& [precision, tolerance] : std::map<Precision, double>{
           {Precision::fp32, 5e-7}, {Precision::tf32, 5e-5}, {Precision::bf16, 5e-4}}) {
    const Device device = open("cuda", {.precision = precision});
    const Ran whole = run(device, 0);
    for (const std::int64_t slice : {40, 7}) {
      const Ran sliced = run(device, slice);
      EXPECT_LE(difference(sliced.losses, whole.losses), tolerance);
      EXPECT_LE(difference(sliced.weights, whole.weights), tolerance);
    }
  }
}

TEST_F(CudaSlicesOverFakes, SlicesOfOneSizeAreTimedOnce) {
  const Device device = open("cuda", {.tune = true});
  const auto count = [](const std::string& text, std::string_view what) {
    int found = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
    return found;
  };
  const Ran whole = run(device, 0);
  const std::string some = run(device, 32).explained;
  EXPECT_GT(count(some, "timed: "), 0) << some;
  const Ran eighths = run(device, 8);
  EXPECT_LE(difference(eighths.weights, whole.weights), 5e-7);
  const std::string& many = eighths.explained;
  EXPECT_EQ(count(many, "timed: "), count(some, "timed: ")) << many;
  EXPECT_NE(many.find("  rows 16..95: as the slice before\n"), std::string::npos) << many;
}

TEST_F(CudaSlicesOverFakes, CudnnIsNotAskedForEachSlice) {
  const Device device = open("cuda", {.precision = Precision::bf16, .tune = true});
  const Model wide(512, {dense(256, {.bias = false})}, {.seed = 1});
  const auto arena = device.backend().create_arena(wide.parameters(), 0);
  const Program program =
      fuse(record(wide, *mse(), *sgd(), {.batch = 33, .target = TargetKind::values, .slice = 32}));
  const std::string explained = device.backend().compile(program, *arena)->explain();
  EXPECT_NE(explained.find("cuDNN not asked: it would compile the products of each slice"),
            std::string::npos)
      << explained;
  EXPECT_EQ(fake().launches("cudnnBackendExecute"), 0);
}

TEST_F(CudaSlicesOverFakes, ThePlanIsThatOfOneSlice) {
  const Device device = open("cuda");
  const MemoryPlan whole = device.backend().plan(step(0, 4096));
  const MemoryPlan sliced = device.backend().plan(step(1024, 4096));
  EXPECT_NEAR(static_cast<double>(sliced.activations), static_cast<double>(whole.activations) / 4,
              4096.0);
  EXPECT_EQ(sliced.parameters, whole.parameters);
  EXPECT_EQ(sliced.gradients, whole.gradients);
  // And what is taken.
  const auto arena = device.backend().create_arena(step(0).parameters(), 0);
  const auto before = static_cast<std::int64_t>(fake().bytes_in_use());
  const auto executable = device.backend().compile(step(24), *arena);
  const MemoryPlan plan = device.backend().plan(step(24));
  EXPECT_LE(static_cast<std::int64_t>(fake().bytes_in_use()) - before,
            plan.activations + plan.workspace);
}

TEST_F(CudaSlicesOverFakes, AStepOfManyNodesIsNotUnrolled) {
  const Device device = open("cuda");
  EXPECT_NE(run(device, 24, 1).explained.find(" nodes per step, up to 32 steps per launch"),
            std::string::npos);
  const std::string many = run(device, 2, 1).explained;
  EXPECT_NE(many.find(" nodes per step, 1 step per launch"), std::string::npos) << many;
}

}  // namespace
}  // namespace minnow::testing
