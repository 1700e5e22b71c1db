// An application that embeds minnow: learns online from a stream of measurements, watches its loss,
// can be stopped from another thread, saves what it learned and loads it again.
//
// Expected output:
//
//     loss 0.6 after 1 step, 0.0 after 2000
//     stopped after some steps, still usable
//     saved and loaded: the same prediction

#include <minnow/minnow.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <stop_token>
#include <vector>

namespace {

/// One batch of a sensor: two angles in, their sine and cosine mixed out.
struct Batch {
  std::vector<float> angles, response;
  explicit Batch(int number) {
    for (int row = 0; row < 16; ++row) {
      const auto a = static_cast<float>(std::fmod(number * 16 + row, 6.28));
      angles.insert(angles.end(), {a / 6.28F, std::fmod(a * 3, 6.28F) / 6.28F});
      response.push_back(std::sin(a));
    }
  }
  // Views: minnow reads the application's memory, nothing is copied.
  minnow::Tensor x() const { return minnow::Tensor::view(std::span<const float>(angles), {16, 2}); }
  minnow::Tensor y() const {
    return minnow::Tensor::view(std::span<const float>(response), {16, 1});
  }
};

}  // namespace

int main(int argc, char** argv) try {
  const char* path = argc > 1 ? argv[1] : "embed.safetensors";
  minnow::Model model(2, {minnow::dense(32), minnow::relu(), minnow::dense(1)}, {.seed = 7});
  minnow::Trainer trainer(model, minnow::mse(), minnow::adam({.learning_rate = 0.01F}),
                          minnow::open("auto"));

  const double first = trainer.step(Batch(0).x(), Batch(0).y()).loss;
  double last = first;
  for (int number = 1; number < 2000; ++number) {
    const Batch batch(number);
    last = 0.99 * last + 0.01 * trainer.step(batch.x(), batch.y()).loss;
  }
  std::printf("loss %.1f after 1 step, %.1f after %d\n", first, last,
              static_cast<int>(trainer.steps()));
  if (!(last < 0.5 * first)) return 1;

  std::stop_source stop;
  const Batch batch(0);
  const auto history = trainer.fit(batch.x(), batch.y(),
                                   {.epochs = 1'000'000,
                                    .on_epoch_end = [&](const auto&) { stop.request_stop(); },
                                    .stop = stop.get_token()});
  if (history.end != minnow::FitEnd::stopped) return 1;
  std::puts("stopped after some steps, still usable");

  minnow::save_model(model, path);
  minnow::Model loaded = minnow::load_model(path);
  minnow::Trainer predictor(loaded, minnow::mse(), minnow::adam(), minnow::open("auto"));
  const std::vector<float> row{0.25F, 0.75F};
  if (predictor.predict_row(row)[0] != trainer.predict_row(row)[0]) return 1;
  std::puts("saved and loaded: the same prediction");
  return 0;
} catch (const minnow::Error& error) {
  std::fprintf(stderr, "embed: %s\n", error.what());
  return 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "embed: %s\n", error.what());
  return 1;
}
