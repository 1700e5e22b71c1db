#include "bench/subject.h"

#include <minnow/minnow.h>

#include <algorithm>
#include <cmath>

#include "terminal/stopwatch.h"

namespace minnow::command {

Subject::Subject(const Device& device, const Setting& setting, Tensor x, Tensor y,
                 const MeasureOptions& options)
    : model_(setting.net.model(options.seed)),
      trainer_(model_, setting.net.loss(), options.optimizer, device),
      batch_(setting.batch),
      x_(std::move(x)),
      y_(std::move(y)),
      stop_(options.stop) {
  for (std::int64_t begin = 0; begin + batch_ <= x_.shape().rows(); begin += batch_) {
    x_batches_.push_back(x_.rows(begin, begin + batch_));
    y_batches_.push_back(y_.rows(begin, begin + batch_));
  }
}

void Subject::step() {
  check_stop();
  trainer_.step(x_batches_[next_], y_batches_[next_]);
  next_ = (next_ + 1) % x_batches_.size();
}

double Subject::transfers(double seconds) {
  const Stopwatch watch;
  std::int64_t steps = 0;
  double elapsed = 0;
  do {
    for (std::int64_t i = 0; i < chunk_; ++i) step();
    steps += chunk_;
    elapsed = watch.seconds();
  } while (elapsed < seconds);
  const double per_step = elapsed / static_cast<double>(steps);
  chunk_ = static_cast<std::int64_t>(std::clamp(seconds / 16 / per_step, 1.0, 4096.0));
  return per_step;
}

Subject::Resident Subject::resident(double seconds) {
  const auto batches = static_cast<std::int64_t>(x_batches_.size());
  double total = 0;
  double device = 0;
  std::int64_t steps = 0;
  while (total < seconds) {
    // The first time a single epoch of a single step tells how long it takes.
    double epochs = 1;
    if (resident_step_ > 0) {
      const double left = 1.05 * (seconds - total) / resident_step_;  // steps
      epoch_steps_ = std::max(epoch_steps_, std::min<std::int64_t>(batches, std::llround(left)));
      epochs = std::clamp(std::ceil(left / static_cast<double>(epoch_steps_)), 1.0, 1e6);
    }
    const std::int64_t rows = epoch_steps_ * batch_;
    // Its seconds begin when the data is on the device.
    const History history = trainer_.fit(
        x_.rows(0, rows), y_.rows(0, rows),
        {.epochs = static_cast<std::int64_t>(epochs), .batch_size = batch_, .stop = stop_});
    check_stop();
    total += history.seconds;
    device += history.device_seconds;
    steps += history.steps;
    resident_step_ = history.seconds / static_cast<double>(history.steps);
  }
  return {.step = total / static_cast<double>(steps),
          .kernels = device / static_cast<double>(steps)};
}

std::vector<Tensor> Subject::weights() const {
  std::vector<Tensor> values;
  for (const auto& name : model_.weight_names()) values.push_back(model_.weight(name));
  return values;
}

}  // namespace minnow::command
