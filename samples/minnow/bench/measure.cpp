#include "bench/measure.h"

#include <minnow/minnow.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>

#include "bench/subject.h"
#include "terminal/exit_codes.h"
#include "terminal/stopwatch.h"

namespace minnow::command {
namespace {

constexpr std::int64_t kFewestRows = 4096;
constexpr std::int64_t kMostRows = 65536;
constexpr std::int64_t kMostBytes = 128 << 20;

// Enough that an epoch is long against its beginning and end.
std::int64_t rows_of(const Setting& setting) {
  const std::int64_t fit = std::max<std::int64_t>(1, kMostBytes / 4 / setting.net.inputs());
  const std::int64_t wanted = std::clamp(64 * setting.batch, kFewestRows, kMostRows);
  return std::max<std::int64_t>(1, std::min(wanted, fit) / setting.batch) * setting.batch;
}

// What there was no memory for; everything else goes on.
template <class Work>
void note_exhaustion(std::optional<Failure>& failure, Work&& work) {
  try {
    from_command_line(work);
  } catch (const ResourceExhausted&) {
    failure = current_problem().failure;
  } catch (const std::bad_alloc&) {
    failure = current_problem().failure;
  }
}

struct Sampler {
  std::size_t device = 0;
  bool resident = false;
};

class RowMeasurement {
 public:
  RowMeasurement(const Setting& setting, std::size_t devices, const MeasureOptions& options)
      : setting_(setting), options_(options), subjects_(devices), times_(devices) {}

  void prepare(std::size_t index, const Device& device, RandomData& data) {
    if (!reference_) reference_ = index;
    note_exhaustion(times_[index].failure, [&] {
      const std::int64_t rows = rows_of(setting_);
      Tensor x = data.x(rows);
      subjects_[index] =
          std::make_unique<Subject>(device, setting_, std::move(x), data.y(rows), options_);
      for (int step = 0; step < kComparedSteps; ++step) subjects_[index]->step();
      compare(index);
      samplers_.push_back({.device = index, .resident = false});
      samplers_.push_back({.device = index, .resident = true});
    });
  }

  void run() {
    for (const auto& sampler : samplers_) sample(sampler, options_.round_seconds / 2);
    for (auto& times : times_) times.transfers = times.resident = times.kernels = {};
    for (std::int64_t round = 0; round < options_.rounds; ++round) {
      if (options_.on_round) options_.on_round(round + 1);
      // Every place in the order is every sampler's now and then.
      for (std::size_t i = 0; i < samplers_.size(); ++i) {
        const std::size_t turn = i + static_cast<std::size_t>(round);
        sample(samplers_[turn % samplers_.size()], options_.round_seconds);
      }
    }
  }

  std::vector<StepTimes> take_times() { return std::move(times_); }

 private:
  void compare(std::size_t index) {
    auto weights = subjects_[index]->weights();
    if (index == reference_) {
      weights_ = std::move(weights);
    } else if (!weights_.empty()) {
      times_[index].difference = largest_difference(weights_, weights);
    }
  }

  void sample(const Sampler& sampler, double seconds) {
    StepTimes& times = times_[sampler.device];
    if (times.failure) return;
    Subject& subject = *subjects_[sampler.device];
    note_exhaustion(times.failure, [&] {
      if (sampler.resident) {
        const auto took = subject.resident(seconds);
        times.resident.push_back(took.step);
        times.kernels.push_back(took.kernels);
      } else {
        times.transfers.push_back(subject.transfers(seconds));
      }
    });
  }

  Setting setting_;
  const MeasureOptions& options_;
  std::vector<std::unique_ptr<Subject>> subjects_;
  std::vector<StepTimes> times_;
  std::vector<Sampler> samplers_;
  std::optional<std::size_t> reference_;
  std::vector<Tensor> weights_;  // of the reference; empty when it had no memory
};

}  // namespace

double largest_difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto left = a[i].data<float>();
    const auto right = b[i].data<float>();
    for (std::size_t j = 0; j < left.size(); ++j) {
      const double difference = std::fabs(static_cast<double>(left[j]) - right[j]);
      if (!(difference <= largest)) largest = difference;  // a NaN stays
      if (std::isnan(largest)) return largest;
    }
  }
  return largest;
}

std::vector<StepTimes> measure(const Setting& setting,
                               const std::vector<std::optional<Device>>& devices, RandomData& data,
                               const MeasureOptions& options) {
  RowMeasurement row(setting, devices.size(), options);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (devices[i]) row.prepare(i, *devices[i], data);
  }
  row.run();
  return row.take_times();
}

FirstUse first_use(const Device& device, const Setting& setting, std::int64_t rows,
                   RandomData& data, const MeasureOptions& options) {
  return from_command_line([&] {
    const Tensor x = data.x(std::max(rows, setting.batch));
    const Tensor y = data.y(std::max(rows, setting.batch));
    FirstUse result;
    const Stopwatch watch;
    Model model = setting.net.model(options.seed);
    Trainer trainer(model, setting.net.loss(), options.optimizer, device);
    trainer.step(x.rows(0, setting.batch), y.rows(0, setting.batch));
    result.step = watch.seconds();
    trainer.fit(x.rows(0, rows), y.rows(0, rows),
                {.batch_size = setting.batch, .stop = options.stop});
    result.epoch = watch.seconds();
    if (options.stop.stop_requested()) throw Stopped{};
    result.explanation = trainer.explain(setting.batch);
    return result;
  });
}

}  // namespace minnow::command
