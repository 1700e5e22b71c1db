// The documents' toy: ten random numbers in, one out, two epochs.
//
// Expected output:
//
//     epoch 1: loss 0.5084
//     epoch 2: loss 0.4366
//     Training completed successfully.

#include <minnow/minnow.h>

#include <cstdio>
#include <exception>

int main() try {
  const minnow::Dataset data =
      minnow::load_dataset("toy", /*seed=*/1);  // rand(100,10), rand(100,1)

  const minnow::Device device = minnow::open("auto");
  minnow::Model model(10, {minnow::dense(10), minnow::relu(), minnow::dense(1)}, {.seed = 1});
  minnow::Trainer trainer(model, minnow::mse(), minnow::adam(), device);
  const auto history = trainer.fit(data.x_train, data.y_train, {.epochs = 2, .batch_size = 32});

  for (const auto& epoch : history.epochs) {
    std::printf("epoch %d: loss %.4f\n", static_cast<int>(epoch.epoch), epoch.train.loss);
  }
  std::puts("Training completed successfully.");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "toy: %s\n", error.what());
  return 1;
}
