#include "bench/csv.h"

#include "terminal/numbers.h"

namespace minnow::command {
namespace {

constexpr const char* kHead =
    "grid,net,batch,device,precision,transfers_ms,transfers_spread_ms,resident_ms,"
    "resident_spread_ms,kernels_ms,speedup,speedup_low,speedup_high,max_weight_difference,error\n";

std::string cell(double value) { return cat(",", exact(static_cast<float>(value))); }

std::string middle(const std::vector<double>& rounds) {
  return rounds.empty() ? "," : cell(1000.0 * median(rounds));
}

std::string middle_and_spread(const std::vector<double>& rounds) {
  return rounds.empty() ? ",," : cat(middle(rounds), cell(1000.0 * spread(rounds)));
}

std::string line_of(const BenchRun& run, const PlanRow& row, std::size_t device) {
  const Setting& setting = run.plan.settings[row.setting];
  const StepTimes& times = run.of(row, device);
  std::string line = cat(name_of(row.grid), ",", setting.net.text(), ",", setting.batch, ",",
                         run.devices[device].name, ",", run.devices[device].precision);
  if (times.failure) return cat(line, ",,,,,,,,,,", times.failure->code, "\n");
  line += cat(middle_and_spread(times.transfers), middle_and_spread(times.resident),
              times.kernels.empty() || median(times.kernels) == 0.0 ? "," : middle(times.kernels));
  const auto speed =
      device == *run.reference() ? std::nullopt : speed_up(run.of(row, *run.reference()), times);
  line += speed ? cat(cell(speed->ratio), cell(speed->interval.low), cell(speed->interval.high))
                : std::string(",,,");
  return cat(line, times.difference ? cell(*times.difference) : ",", ",\n");
}

}  // namespace

std::string bench_csv(const BenchRun& run) {
  std::string text = kHead;
  for (const auto& row : run.plan.rows) {
    if (!run.measured(row)) continue;
    for (std::size_t device = 0; device < run.devices.size(); ++device) {
      if (!run.devices[device].missing) text += line_of(run, row, device);
    }
  }
  return text;
}

}  // namespace minnow::command
