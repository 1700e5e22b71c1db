// Times of a training step (forward, backward, Adam; data in memory, shuffled) and of
// predict_row().
//
//     build/bin/minnow_bench --benchmark_filter=step/784-128-10
//
// Names are step/<model>/batch:<b>/<device>/threads:<t>; the time of an iteration is that of a
// step.

#include <benchmark/benchmark.h>
#include <minnow/minnow.h>
#include <minnow/random.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

namespace {

struct Net {
  std::string name;
  std::vector<std::int64_t> sizes;
  bool classifier;

  minnow::Model model() const {
    std::vector<minnow::LayerPtr> layers;
    for (std::size_t i = 1; i < sizes.size(); ++i) {
      layers.push_back(minnow::dense(sizes[i]));
      if (i + 1 < sizes.size()) layers.push_back(minnow::relu());
    }
    if (classifier) layers.push_back(minnow::softmax());
    return minnow::Model(sizes.front(), std::move(layers), {.seed = 1});
  }
  minnow::LossPtr loss() const { return classifier ? minnow::cross_entropy() : minnow::mse(); }
};

const std::vector<Net>& nets() {
  static const std::vector<Net> all{
      {"10-10-1", {10, 10, 1}, false},
      {"784-128-10", {784, 128, 10}, true},
      {"784-1024-1024-10", {784, 1024, 1024, 10}, true},
  };
  return all;
}

minnow::Tensor random_rows(std::int64_t rows, std::int64_t cols) {
  minnow::Tensor x({rows, cols});
  const auto values = x.mutable_data<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = minnow::to_unit_float(minnow::random_words(1, 0, i).word[0]);
  }
  return x;
}

minnow::Tensor random_labels(std::int64_t rows, std::int64_t classes) {
  minnow::Tensor y({rows}, minnow::DType::i32);
  const auto labels = y.mutable_data<std::int32_t>();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<std::int32_t>(minnow::random_words(1, 1, i).word[0] %
                                          static_cast<std::uint32_t>(classes));
  }
  return y;
}

double process_cpu_microseconds() {
  return 1e6 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void step(benchmark::State& state, const Net& net, std::int64_t batch, int threads) {
  const std::int64_t rows = std::max<std::int64_t>(4096, 4 * batch);
  const minnow::Tensor x = random_rows(rows, net.sizes.front());
  const minnow::Tensor y =
      net.classifier ? random_labels(rows, net.sizes.back()) : random_rows(rows, net.sizes.back());
  minnow::Model model = net.model();
  minnow::Trainer trainer(model, net.loss(), minnow::adam(),
                          minnow::open("cpu", {.threads = threads}));
  // Several epochs a call, so that fit()'s check of all data is spread over many steps.
  const minnow::FitOptions options{.epochs = 10, .batch_size = batch};
  double loss = trainer.fit(x, y, {.batch_size = batch}).epochs.back().train.loss;
  const double cpu_before = process_cpu_microseconds();
  while (state.KeepRunningBatch(options.epochs * rows / batch)) {
    loss = trainer.fit(x, y, options).epochs.back().train.loss;
  }
  // Of all threads: the column CPU has the calling thread's alone.
  state.counters["cpu_us"] =
      (process_cpu_microseconds() - cpu_before) / static_cast<double>(state.iterations());
  state.counters["loss"] = loss;
  state.SetLabel(trainer.device().info().description);
}

void predict_row(benchmark::State& state, const Net& net) {
  minnow::Model model = net.model();
  minnow::Trainer trainer(model, net.loss(), minnow::adam(), minnow::open("cpu"));
  const minnow::Tensor x = random_rows(1, net.sizes.front());
  const auto row = x.data<float>();
  for (auto _ : state) benchmark::DoNotOptimize(trainer.predict_row(row).data());
}

}  // namespace

int main(int argc, char** argv) {
  for (const Net& net : nets()) {
    for (const std::int64_t batch : {32, 128, 1024}) {
      for (const int threads : {1, 2}) {
        const std::string name = "step/" + net.name + "/batch:" + std::to_string(batch) +
                                 "/cpu/threads:" + std::to_string(threads);
        benchmark::RegisterBenchmark(name.c_str(), step, net, batch, threads)
            ->Unit(benchmark::kMicrosecond);
      }
    }
    benchmark::RegisterBenchmark(("predict_row/" + net.name + "/cpu").c_str(), predict_row, net)
        ->Unit(benchmark::kMicrosecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
