#include <gtest/gtest.h>
#include <minnow/activation_plan.h>
#include <minnow/minnow.h>
#include <minnow/random.h>

#include <algorithm>

namespace minnow {
namespace {

std::int64_t bytes_of(const Value& value) { return value.rows * value.cols * 4; }

bool uses(const Op& op, ValueId id) {
  return std::count(op.inputs.begin(), op.inputs.end(), id) +
             std::count(op.outputs.begin(), op.outputs.end(), id) >
         0;
}

/// From the first to the last op that touches a value; inputs from the start, kept ones to the end.
std::pair<int, int> lifetime(const Program& program, ValueId id) {
  int first = -1, last = -1;
  for (int i = 0; i < static_cast<int>(program.ops().size()); ++i) {
    if (!uses(program.ops()[static_cast<std::size_t>(i)], id)) continue;
    if (first < 0) first = i;
    last = i;
  }
  const Value& value = program.value(id);
  if (value.kind == ValueKind::input) first = 0;
  if (value.keep || value.kind != ValueKind::activation) last = 1 << 20;
  return {first, last};
}

void expect_sound(const Program& program) {
  const ActivationPlan plan = plan_activations(program, bytes_of);
  for (ValueId a = 0; a < static_cast<ValueId>(program.values().size()); ++a) {
    const auto at = [&](ValueId id) { return plan.offsets[static_cast<std::size_t>(id)]; };
    if (at(a) < 0) continue;
    EXPECT_EQ(at(a) % 64, 0);
    EXPECT_LE(at(a) + bytes_of(program.value(a)), plan.bytes);
    for (ValueId b = 0; b < a; ++b) {
      if (at(b) < 0) continue;
      const auto [first_a, last_a] = lifetime(program, a);
      const auto [first_b, last_b] = lifetime(program, b);
      const bool alive_together = first_a <= last_b && first_b <= last_a;
      const bool share_bytes =
          at(a) < at(b) + bytes_of(program.value(b)) && at(b) < at(a) + bytes_of(program.value(a));
      EXPECT_FALSE(alive_together && share_bytes)
          << program.value(a).name << " and " << program.value(b).name << "\n"
          << program.str();
    }
  }
}

Program training_step(const Model& model, bool fused) {
  Program program(7, model.parameters());
  const ValueId x =
      program.gather(model.inputs(), DType::f32, {}, TargetKind::values, model.outputs());
  std::vector<Forward> recorded;
  const ValueId y = model.record_forward(program, x, &recorded);
  model.record_backward(program, recorded, mse()->record(program, y, program.target(), true));
  program.update(adam()->rule());
  return fused ? fuse(program) : program;
}

TEST(MemoryPlanTest, ValuesAliveTogetherShareNoBytes) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<LayerPtr> layers;
    const auto depth = 1 + random_words(seed, 0, 0).word[0] % 6;
    for (std::uint64_t i = 0; i < depth; ++i) {
      const auto words = random_words(seed, 1, i);
      if (words.word[0] % 3 == 0) layers.push_back(relu());
      if (words.word[0] % 4 == 0) layers.push_back(gelu());  // whose input is kept
      if (words.word[0] % 5 == 0) layers.push_back(softmax());
      layers.push_back(dense(1 + words.word[1] % 200));
    }
    const Model model(13, layers);
    for (const bool fused : {false, true}) expect_sound(training_step(model, fused));
  }
}

TEST(MemoryPlanTest, MemoryIsReused) {
  const std::vector<LayerPtr> layers(10, dense(100));
  const Model model(100, layers);
  Program forward(64, model.parameters());
  const ValueId x = forward.gather(100, DType::f32, {}, TargetKind::none, 0);
  forward.set_output(model.record_forward(forward, x));
  const Program fused = fuse(forward);
  expect_sound(fused);
  // Two layers' outputs at a time, and not ten.
  EXPECT_LE(plan_activations(fused, bytes_of).bytes, 3 * 64 * 100 * 4 + 256);
}

TEST(MemoryPlanTest, ATrainersPlanIsExact) {
  Model model(784, {dense(128), relu(), dense(10), softmax()});
  const Trainer trainer(model, cross_entropy(), adam(), open("cpu", {.threads = 1}));
  const MemoryPlan plan = trainer.memory_plan(32, DType::u8);
  // 784 x 128 + 128 + 128 x 16 + 16: rows are padded to 16 floats.
  EXPECT_EQ(plan.parameters, (784 * 128 + 128 + 128 * 16 + 16) * 4);
  EXPECT_EQ(plan.gradients, plan.parameters);
  EXPECT_EQ(plan.optimizer, 2 * plan.parameters);
  EXPECT_GT(plan.activations, 32 * (784 + 128) * 4);
  EXPECT_LT(plan.activations, 32 * (784 + 3 * 144 + 64) * 4);
  EXPECT_EQ(plan.total(), plan.parameters * 4 + plan.activations + plan.workspace);
}

TEST(FormatBytesTest, UsesBinaryUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.00 KiB");
  EXPECT_EQ(format_bytes(2086666), "1.99 MiB");
  EXPECT_EQ(format_bytes(std::int64_t{18} << 30), "18.0 GiB");
}

}  // namespace
}  // namespace minnow
