// Writes model.safetensors, x.npy and y.npy into the directory given: what check_safetensors.py
// compares with Python's safetensors and PyTorch.
#include <minnow/minnow.h>
#include <minnow/random.h>

#include <cstdio>
#include <exception>
#include <string>

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  const std::string directory = argv[1];
  minnow::Tensor x({256, 10});
  std::uint64_t index = 0;
  for (float& value : x.mutable_data<float>()) {
    value = minnow::to_unit_float(minnow::random_words(1, 100, index++).word[0]);
  }
  minnow::Model model(
      10, {minnow::dense(33), minnow::relu(), minnow::dense(7, {.bias = false}), minnow::softmax()},
      {.seed = 1, .input = minnow::standardize(x)});
  minnow::Trainer trainer(model, minnow::mse(), minnow::adam(), minnow::open("cpu"));
  minnow::Tensor target(minnow::Shape{256, 7});
  for (std::size_t i = 0; i < 256; ++i) target.mutable_data<float>()[i * 7 + i % 7] = 1.0F;
  trainer.fit(x, target, {.epochs = 2, .batch_size = 32});
  minnow::save_model(model, directory + "/model.safetensors", {{"loss", "mse"}});
  minnow::write_npy(directory + "/x.npy", x);
  minnow::write_npy(directory + "/y.npy", trainer.predict(x));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
