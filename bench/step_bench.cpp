// Times of a training step (forward, backward, Adam; data in the device's memory, shuffled), of
// predict_row() and of single ops.
//
//     build/bin/minnow_bench --benchmark_filter=step/784-128-10
//
// step/<model>/batch:<b>/cpu/threads:<t>
// step/<model>/batch:<b>/cuda/<precision>           as the caller waits for it, without the upload
// step/<model>/batch:<b>/cuda/<precision>/kernels   the device at work
// snapshot/<model>/cuda                           weights and optimizer to the host, once
// op/<kind>/<rows>x<inputs>x<outputs>/<device>      the device at work
//
// The time of an iteration is that of a step. Google Benchmark adds how it was taken: /manual_time.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "bench.h"

namespace minnow::bench {
namespace {

struct Net {
  std::string name;
  std::vector<std::int64_t> sizes;
  bool classifier;
  std::vector<std::int64_t> cpu_batches;
  std::vector<std::int64_t> cuda_batches;

  Model model() const {
    std::vector<LayerPtr> layers;
    for (std::size_t i = 1; i < sizes.size(); ++i) {
      layers.push_back(dense(sizes[i]));
      if (i + 1 < sizes.size()) layers.push_back(relu());
    }
    if (classifier) layers.push_back(softmax());
    return Model(sizes.front(), std::move(layers), {.seed = 1});
  }
  LossPtr loss() const { return classifier ? cross_entropy() : mse(); }
  Tensor targets(std::int64_t rows) const {
    return classifier ? random_labels(rows, sizes.back()) : random_rows(rows, sizes.back());
  }
  /// As in peers/protocol.py: pixels, half of them 0; every tenth is brighter in a class.
  Tensor inputs(const Tensor& y) const {
    Tensor x = random_rows(y.shape().rows(), sizes.front());
    if (!classifier) return x;
    const auto classes = static_cast<std::size_t>(sizes.back());
    const auto features = static_cast<std::size_t>(sizes.front());
    const auto labels = y.data<std::int32_t>();
    const auto pixels = x.mutable_data<float>();
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const auto label = static_cast<std::size_t>(labels[i / features]);
      pixels[i] = std::max(pixels[i] - 0.5F, 0.0F);
      if (i % features % classes == label) pixels[i] += 0.25F;
    }
    return x;
  }
};

const std::vector<Net>& nets() {
  static const std::vector<std::int64_t> usual{32, 128, 1024};
  static const std::vector<std::int64_t> deep{32, 128, 512, 1024};
  static const std::vector<Net> all{
      {"10-10-1", {10, 10, 1}, false, usual, usual},
      {"784-128-10", {784, 128, 10}, true, usual, usual},
      {"784-1024-1024-10", {784, 1024, 1024, 10}, true, deep, deep},
      {"4096-4096-4096-4096-4096", {4096, 4096, 4096, 4096, 4096}, true, {512}, {4096}},
  };
  return all;
}

double process_cpu_microseconds() {
  return 1e6 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void step(::benchmark::State& state, const Net& net, std::int64_t batch, int threads) {
  const bool slow = net.sizes.front() * batch > 1'000'000;  // a step takes a second
  const std::int64_t rows = slow ? 2 * batch : std::max<std::int64_t>(4096, 4 * batch);
  const Tensor y = net.targets(rows);
  const Tensor x = net.inputs(y);
  Model model = net.model();
  Trainer trainer(model, net.loss(), adam(), open("cpu", {.threads = threads}));
  // Several epochs a call, so that fit()'s check of all data is spread over many steps.
  const FitOptions options{.epochs = slow ? 1 : 10, .batch_size = batch};
  // The first four runs of two threads measure whether one is faster.
  double loss = trainer.fit(x, y, {.epochs = threads > 1 ? 4 : 1, .batch_size = batch})
                    .epochs.back()
                    .train.loss;
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

// Many steps for an epoch, so that its end does not count, in at most 256 MiB.
std::int64_t device_rows(const Net& net, std::int64_t batch) {
  const std::int64_t fit = (std::int64_t{64} << 20) / net.sizes.front() / batch * batch;
  return std::clamp<std::int64_t>(64 * batch, 4096, fit);
}

// The upload is not in History::seconds, so that its size does not count.
void device_step(::benchmark::State& state, const Net& net, std::int64_t batch,
                 const Device& device, bool kernels) {
  const std::int64_t rows = device_rows(net, batch);
  const Tensor y = net.targets(rows);
  const Tensor x = net.inputs(y);
  Model model = net.model();
  Trainer trainer(model, net.loss(), adam(), device);
  const FitOptions options{.epochs = 10, .batch_size = batch};
  double loss = trainer.fit(x, y, {.batch_size = batch}).epochs.back().train.loss;
  double device_seconds = 0;
  const double cpu_before = process_cpu_microseconds();
  while (state.KeepRunningBatch(options.epochs * rows / batch)) {
    const History history = trainer.fit(x, y, options);
    state.SetIterationTime(kernels ? history.device_seconds : history.seconds);
    device_seconds += history.device_seconds;
    loss = history.epochs.back().train.loss;
  }
  const auto steps = static_cast<double>(state.iterations());
  state.counters["cpu_us"] = (process_cpu_microseconds() - cpu_before) / steps;
  state.counters["kernels_us"] = 1e6 * device_seconds / steps;
  state.counters["loss"] = loss;
  state.SetLabel(device.info().description);
}

// What FitOptions::snapshot costs, each time; a CPU takes none.
void snapshot(::benchmark::State& state, const Net& net, const Device& device) {
  const Tensor y = net.targets(256);
  const Tensor x = net.inputs(y);
  Model model = net.model();
  Trainer trainer(model, net.loss(), adam(), device);
  FitOptions options{.batch_size = 32, .snapshot = {.steps = 1, .seconds = 0}};
  options.on_batch_end = [](const BatchResult&) {};
  trainer.fit(x, y, options);
  // One more than there are steps: the first is that of the start.
  while (state.KeepRunningBatch(256 / 32 + 1)) {
    trainer.fit(x, y, options);
    state.SetIterationTime(trainer.report().snapshot_seconds);
  }
  state.SetLabel(device.info().description);
}

void predict_row(::benchmark::State& state, const Net& net) {
  Model model = net.model();
  Trainer trainer(model, net.loss(), adam(), open("cpu"));
  const Tensor x = random_rows(1, net.sizes.front());
  const auto row = x.data<float>();
  for (auto _ : state) ::benchmark::DoNotOptimize(trainer.predict_row(row).data());
}

std::string step_name(const Net& net, std::int64_t batch) {
  return "step/" + net.name + "/batch:" + std::to_string(batch);
}

void register_cpu() {
  for (const Net& net : nets()) {
    for (const std::int64_t batch : net.cpu_batches) {
      for (const int threads : {1, 2}) {
        add(step_name(net, batch) + "/cpu/threads:" + std::to_string(threads),
            [&net, batch, threads](auto& state) { step(state, net, batch, threads); });
      }
    }
    if (net.cpu_batches.empty()) continue;
    add("predict_row/" + net.name + "/cpu", [&net](auto& state) { predict_row(state, net); });
  }
  register_ops([] { return open("cpu"); }, "cpu");
}

Device cuda(Precision precision) {
  // Never closed: the CUDA runtime is gone when statics are destroyed.
  static auto& opened = *new std::map<Precision, Device>;
  const auto found = opened.find(precision);
  if (found != opened.end()) return found->second;
  return opened.emplace(precision, open("cuda", {.precision = precision})).first->second;
}

void register_cuda(Precision precision) {
  const std::string device = "/cuda/" + std::string(name_of(precision));
  for (const Net& net : nets()) {
    for (const std::int64_t batch : net.cuda_batches) {
      for (const bool kernels : {false, true}) {
        add(step_name(net, batch) + device + (kernels ? "/kernels" : ""), [=, &net](auto& state) {
          device_step(state, net, batch, cuda(precision), kernels);
        })->UseManualTime();
      }
    }
  }
  if (precision == Precision::fp32) {
    for (const Net& net : nets()) {
      add("snapshot/" + net.name + "/cuda", [&net](auto& state) {
        snapshot(state, net, cuda(Precision::fp32));
      })->UseManualTime();
    }
  }
  register_ops([precision] { return cuda(precision); }, device.substr(1));
}

void register_cuda() {
  try {
    cuda(Precision::fp32);
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
      register_cuda(precision);
    }
  } catch (const DeviceUnavailable& error) {
    std::fprintf(stderr, "minnow_bench: no cuda: %s\n", error.cause().c_str());
  }
}

}  // namespace
}  // namespace minnow::bench

int main(int argc, char** argv) {
  minnow::bench::register_cpu();
  minnow::bench::register_cuda();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
