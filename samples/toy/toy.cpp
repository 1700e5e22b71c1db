// The documents' toy: ten random numbers in, one out, two epochs.
//
// Expected output:
//
//     epoch 1: loss 0.5837
//     epoch 2: loss 0.5043
//     Training completed successfully.

#include <minnow/minnow.h>
#include <minnow/random.h>

#include <cstdio>
#include <exception>

namespace {

minnow::Tensor uniform(std::int64_t rows, std::int64_t columns, std::uint64_t stream) {
  minnow::Tensor tensor({rows, columns});
  std::uint64_t index = 0;
  for (float& value : tensor.mutable_data<float>()) {
    value = minnow::to_unit_float(minnow::random_words(/*seed=*/1, stream, index++).word[0]);
  }
  return tensor;
}

}  // namespace

int main() try {
  const minnow::Tensor x = uniform(100, 10, /*stream=*/100);
  const minnow::Tensor y = uniform(100, 1, /*stream=*/101);

  const minnow::Device device = minnow::open("auto");
  minnow::Model model(10, {minnow::dense(10), minnow::relu(), minnow::dense(1)}, {.seed = 1});
  minnow::Trainer trainer(model, minnow::mse(), minnow::adam(), device);
  const auto history = trainer.fit(x, y, {.epochs = 2, .batch_size = 32});

  for (const auto& epoch : history.epochs) {
    std::printf("epoch %d: loss %.4f\n", static_cast<int>(epoch.epoch), epoch.train.loss);
  }
  std::puts("Training completed successfully.");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "toy: %s\n", error.what());
  return 1;
}
