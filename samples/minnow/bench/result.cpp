#include "bench/result.h"

#include <algorithm>
#include <cmath>

namespace minnow::command {

std::optional<SpeedUp> speed_up(const StepTimes& reference, const StepTimes& other) {
  if (!reference.measured() || !other.measured()) return {};
  return SpeedUp{.ratio = median(reference.transfers) / median(other.transfers),
                 .interval = ratio_interval(reference.transfers, other.transfers)};
}

std::optional<std::size_t> BenchRun::reference() const {
  for (std::size_t device = 0; device < devices.size(); ++device) {
    if (!devices[device].missing) return device;
  }
  return {};
}

std::vector<std::size_t> BenchRun::others() const {
  std::vector<std::size_t> found;
  const auto first = reference();
  for (std::size_t device = 0; device < devices.size(); ++device) {
    if (!devices[device].missing && device != first) found.push_back(device);
  }
  return found;
}

std::optional<Crossover> crossover_of(const BenchRun& run, Grid grid, std::size_t other) {
  std::vector<Comparison> comparisons;
  for (const auto& row : run.plan.rows) {
    if (row.grid != grid || !run.measured(row)) continue;
    const auto speed = speed_up(run.of(row, *run.reference()), run.of(row, other));
    if (!speed) continue;
    comparisons.push_back({.size = static_cast<double>(row.size),
                           .ratio = speed->ratio,
                           .certain = !speed->interval.holds(1.0)});
  }
  if (comparisons.empty()) return {};
  return crossover(std::move(comparisons));
}

std::optional<PayBack> pay_back(const BenchRun& run, std::size_t other) {
  const auto& own = run.devices[*run.reference()];
  const auto& device = run.devices[other];
  if (!own.first_use || !device.first_use) return {};
  std::optional<PayBack> best;
  double distance = 0;
  for (const auto& row : run.plan.rows) {
    const auto& setting = run.plan.settings[row.setting];
    if (setting.net.sizes != run.plan.net.sizes || !run.measured(row)) continue;
    const auto& slow = run.of(row, *run.reference());
    const auto& fast = run.of(row, other);
    if (!slow.measured() || !fast.measured()) continue;
    const double here = std::fabs(
        std::log(static_cast<double>(setting.batch) / static_cast<double>(run.plan.base_batch)));
    if (best && here >= distance) continue;
    distance = here;
    best = PayBack{.batch = setting.batch, .steps = {}};
    if (speed_up(slow, fast)->interval.low <= 1.0) continue;
    const double gain = median(slow.transfers) - median(fast.transfers);
    best->steps = std::max(0.0, *device.first_use - *own.first_use) / gain;
  }
  return best;
}

}  // namespace minnow::command
