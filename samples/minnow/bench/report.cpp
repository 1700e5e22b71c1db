#include "bench/report.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench/table.h"
#include "terminal/numbers.h"
#include "terminal/printable.h"
#include "train/optimizers.h"

namespace minnow::command {
namespace {

// Two digits: an interpolation is no better.
std::string about(double value) {
  if (value < 1.0) return "1";
  const double unit = std::pow(10.0, std::max(0.0, std::floor(std::log10(value)) - 1.0));
  return grouped(std::llround(value / unit) * std::llround(unit));
}

std::string duration(double seconds) {
  return seconds < 1.0 ? cat(significant(1000.0 * seconds, 3), " ms")
                       : cat(significant(seconds, 3), " s");
}

std::string title(const BenchRun& run) {
  const auto& bench = run.arguments;
  return cat("train step, ", run.plan.net.text(), ", float32, ", bench.optimizer.name, ", seed ",
             run.seed, "; median of ", bench.rounds, bench.rounds == 1 ? " round" : " rounds",
             " x >= ", exact(static_cast<float>(bench.round_seconds)),
             " s after warm-up, rounds alternate\n");
}

std::string device_line(const BenchDevice& device, const Terminal& terminal) {
  if (device.missing) return {};
  return cat(device.name, " = ", device.used == device.name ? "" : cat(device.used, ", "),
             printable(device.description, terminal.utf8), ", ", device.precision, "\n");
}

std::string crossovers(const BenchRun& run, std::size_t other) {
  std::string text;
  for (const Grid grid : {Grid::batch, Grid::width}) {
    const auto found = crossover_of(run, grid, other);
    if (!found) continue;
    text += cat(text.empty() ? "crossover: " : "           ",
                crossover_text(run, grid, other, *found), "\n");
  }
  return text;
}

std::string end_to_end(const BenchRun& run) {
  std::string text;
  for (const auto& device : run.devices) {
    if (device.end_to_end) {
      text += cat(text.empty() ? "" : ", ", device.name, " ", duration(*device.end_to_end));
    }
  }
  if (text.empty()) return {};
  return cat("end to end, 1 epoch of ", grouped(run.arguments.epoch_rows), " rows at batch ",
             run.plan.base_batch, " with initialisation: ", text, "\n");
}

std::string first_use_text(const BenchRun& run, std::size_t other) {
  const auto& device = run.devices[other];
  if (!device.first_use) return {};
  std::string text = cat("first use of ", device.name, " (initialisation and first step) ",
                         duration(*device.first_use), ", in no column above");
  if (const auto back = pay_back(run, other)) {
    text += !back->steps ? cat(": does not pay back at batch ", back->batch)
            : *back->steps < 1.0
                ? cat(": pays back from the first step at batch ", back->batch)
                : cat(": pays back after ~", about(*back->steps), " steps at batch ", back->batch);
  }
  return text + "\n";
}

// "cuda with transfers, 784-128-10 batch 32, round 1 (the first) +80%"
void find_outliers(std::vector<std::string>& found, const std::string& column,
                   const Setting& setting, const std::vector<double>& rounds) {
  for (const auto index : outliers(rounds)) {
    const double off = 100.0 * (rounds[index] / median(rounds) - 1.0);
    found.push_back(cat(column, ", ", setting.net.text(), " batch ", setting.batch, ", round ",
                        index + 1, index == 0 ? " (the first) " : " ", off > 0 ? "+" : "",
                        fixed(off, 0), "%"));
  }
}

std::string outliers_line(const BenchRun& run) {
  constexpr std::size_t kShown = 3;
  std::vector<std::string> found;
  for (std::size_t i = 0; i < run.times.size(); ++i) {
    const Setting& setting = run.plan.settings[i];
    for (std::size_t device = 0; device < run.times[i].size(); ++device) {
      const std::string& name = run.devices[device].name;
      find_outliers(found, cat(name, " with transfers"), setting, run.times[i][device].transfers);
      find_outliers(found, cat(name, " data resident"), setting, run.times[i][device].resident);
    }
  }
  if (found.empty()) return {};
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, found.size()); ++i) {
    text += cat(i == 0 ? "outliers: " : "; ", found[i]);
  }
  if (found.size() > kShown) text += cat("; and ", found.size() - kShown, " more");
  return text + "\n";
}

bool any_times(const BenchRun& run) {
  for (const auto& row : run.plan.rows) {
    if (run.measured(row)) return true;
  }
  return false;
}

}  // namespace

std::string crossover_text(const BenchRun& run, Grid grid, std::size_t other,
                           const Crossover& crossover) {
  const std::string& name = run.devices[other].name;
  const std::string size = name_of(grid);
  const std::string where = grid == Grid::batch ? cat(" (", run.plan.net.text(), ")")
                                                : cat(" at batch ", run.plan.base_batch);
  switch (crossover.kind) {
    case Crossover::Kind::always:
      return cat(name, " is faster at every ", size, " measured", where);
    case Crossover::Kind::never:
      return cat(run.devices[*run.reference()].name, " is faster at every ", size, " measured",
                 where);
    case Crossover::Kind::none:
      return cat("no difference at any ", size, " measured", where);
    case Crossover::Kind::from:
      return cat(name, " is faster from ", size, " ~", about(crossover.at), where);
    case Crossover::Kind::up_to:
      return cat(name, " is faster up to ", size, " ~", about(crossover.at), where);
    case Crossover::Kind::mixed:
      break;
  }
  std::string sizes;
  for (const double faster : crossover.faster) {
    sizes += cat(sizes.empty() ? "" : ", ", static_cast<std::int64_t>(faster));
  }
  return sizes.empty() ? cat(name, " is faster at no ", size, " measured", where)
                       : cat(name, " is faster at ", size, " ", sizes, " only", where);
}

std::string bench_report(const BenchRun& run, const Arguments& arguments,
                         const Terminal& terminal) {
  if (!run.reference()) return {};
  std::string text = title(run);
  for (const auto& device : run.devices) text += device_line(device, terminal);
  const auto others = run.others();
  if (any_times(run)) {
    if (others.empty()) text += bench_table(run, {}, terminal);
    for (const auto other : others) {
      text += bench_table(run, other, terminal) + crossovers(run, other);
    }
    text += outliers_line(run);
  }
  text += end_to_end(run);
  for (const auto other : others) text += first_use_text(run, other);
  if (run.csv_saved) text += cat("results: ", printable(arguments.bench.csv, terminal.utf8), "\n");
  return cat(text, "repeat: ", repeat_text(arguments), "\n");
}

std::string repeat_text(const Arguments& arguments) {
  const BenchArguments& bench = arguments.bench;
  const BenchArguments usual;
  std::string text = cat("minnow bench --compare=", bench.compare);
  const auto add = [&](const char* option, const auto& value, const auto& default_value) {
    if (value != default_value) text += cat(" ", option, "=", value);
  };
  add("--net", bench.net, usual.net);
  add("--batches", bench.batches, usual.batches);
  add("--widths", bench.widths, usual.widths);
  add("--width-batch", bench.width_batch, usual.width_batch);
  add("--epoch-rows", bench.epoch_rows, usual.epoch_rows);
  text += cat(" --seed=", arguments.data.seed, " --rounds=", bench.rounds);
  add("--round-seconds", exact(static_cast<float>(bench.round_seconds)),
      exact(static_cast<float>(usual.round_seconds)));
  add("--threads", arguments.common.threads, 0);
  add("--precision", std::string(name_of(arguments.common.precision)), std::string("fp32"));
  text += options_text(bench.optimizer);
  if (arguments.common.tune) text += " --tune";
  if (bench.skip_missing) text += " --skip-missing";
  return text;
}

}  // namespace minnow::command
