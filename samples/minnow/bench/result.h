#pragma once

/// What bench has measured: filled in as it goes, shown by bench_report.h, bench_json.h and
/// bench_csv.h. Times are seconds; where there are several, one per round.

#include <minnow/error.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/plan.h"
#include "bench/statistics.h"

namespace minnow::command {

/// Of a step of one device in one setting.
struct StepTimes {
  std::vector<double> transfers = {};     // Trainer::step() on batches in host memory
  std::vector<double> resident = {};      // fit(), the data on the device
  std::vector<double> kernels = {};       // of it, the device at work; 0 when it cannot tell
  std::optional<double> difference = {};  // largest of any weight from the reference's
  std::optional<Failure> failure = {};    // memory that could not be had

  bool measured() const { return !failure && !transfers.empty(); }
};

/// How many times faster than the reference, with transfers.
struct SpeedUp {
  double ratio = 1;
  Interval interval = {};
};
std::optional<SpeedUp> speed_up(const StepTimes& reference, const StepTimes& other);

struct BenchDevice {
  std::string name = {};  // as asked for; "cpu#2" for the second "cpu"
  std::string used = {};  // "cuda:0"
  std::string description = {};
  std::string precision = {};
  std::optional<Failure> missing = {};
  double open_seconds = 0;
  std::optional<double> first_use = {};   // open and the first step
  std::optional<double> end_to_end = {};  // open and one epoch
};

struct BenchRun {
  BenchArguments arguments = {};
  std::uint64_t seed = 0;
  std::string optimizer = {};
  Plan plan = {};
  std::vector<BenchDevice> devices = {};  // the one that is there first is the reference
  /// By setting, then by device; a setting that was not reached or ended is empty.
  std::vector<std::vector<StepTimes>> times = {};
  bool interrupted = false;
  bool csv_saved = false;

  /// Empty when there is no device at all.
  std::optional<std::size_t> reference() const;
  /// Devices that are there, without the reference.
  std::vector<std::size_t> others() const;
  bool measured(const PlanRow& row) const { return !times[row.setting].empty(); }
  const StepTimes& of(const PlanRow& row, std::size_t device) const {
    return times[row.setting][device];
  }
};

/// Of one grid; empty when none of its rows has both devices' times.
std::optional<Crossover> crossover_of(const BenchRun& run, Grid grid, std::size_t other);

struct PayBack {
  std::int64_t batch = 0;
  std::optional<double> steps = {};  // empty: never
};
/// After how many steps the other device has caught up with its first use, by the row of the net's
/// own width whose batch is nearest to the base batch.
std::optional<PayBack> pay_back(const BenchRun& run, std::size_t other);

}  // namespace minnow::command
