#include "bench/bench.h"

#include <minnow/minnow.h>

#include <algorithm>
#include <new>
#include <utility>

#include "bench/csv.h"
#include "bench/json.h"
#include "bench/measure.h"
#include "bench/progress.h"
#include "bench/report.h"
#include "output/output_place.h"
#include "terminal/interrupt.h"
#include "terminal/numbers.h"
#include "terminal/print_failure.h"
#include "terminal/stopwatch.h"
#include "train/optimizers.h"

namespace minnow::command {
namespace {

using Devices = std::vector<std::optional<Device>>;

// "cpu", "cpu#2"
std::string distinct_name(const std::vector<std::string>& names, std::size_t index) {
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(index);
  const auto before = std::count(names.begin(), end, names[index]);
  return before == 0 ? names[index] : cat(names[index], "#", before + 1);
}

class Bench {
 public:
  Bench(const Arguments& arguments, Terminal& terminal, BenchRun& run)
      : arguments_(arguments),
        terminal_(terminal),
        run_(run),
        progress_(terminal, static_cast<std::int64_t>(run.plan.settings.size()),
                  arguments.bench.rounds),
        data_(run.plan.net, run.seed) {}

  void run() {
    try {
      open_devices();
      if (!run_.reference()) return;
      use_first();
      for (std::size_t i = 0; i < run_.plan.settings.size(); ++i) measure_setting(i);
    } catch (const Stopped&) {
      run_.interrupted = true;
    }
  }

 private:
  MeasureOptions options() {
    return {.optimizer = make_optimizer(arguments_.bench.optimizer),
            .rounds = arguments_.bench.rounds,
            .round_seconds = arguments_.bench.round_seconds,
            .seed = run_.seed,
            .stop = interrupt_.token(),
            .on_round = [this](std::int64_t round) { progress_.round(round); }};
  }

  // A CPU that comes first is the reference of any precision, in fp32.
  OpenOptions open_options(std::size_t index) const {
    const CommonArguments& common = arguments_.common;
    const bool cpu_first = index == 0 && run_.plan.devices.front() == "cpu";
    return {.threads = common.threads,
            .precision = cpu_first ? Precision::fp32 : common.precision,
            .tune = common.tune};
  }

  void open_devices() {
    for (std::size_t i = 0; i < run_.plan.devices.size(); ++i) {
      BenchDevice device{.name = distinct_name(run_.plan.devices, i)};
      progress_.stage(cat("opening ", device.name));
      devices_.emplace_back();
      const Stopwatch watch;
      try {
        devices_.back() =
            from_command_line([&] { return minnow::open(run_.plan.devices[i], open_options(i)); });
        device.open_seconds = watch.seconds();
        const DeviceInfo& info = devices_.back()->info();
        device.used = info.name;
        device.description = info.description;
        device.precision = minnow::name_of(info.precision);
      } catch (const DeviceUnavailable& error) {
        device.missing = error.failure();
        device.missing->effect = cat(device.name, " was not measured");
      }
      run_.devices.push_back(std::move(device));
      if (interrupt_.requested()) throw Stopped{};
    }
  }

  void use_first() {
    const Setting setting{.net = run_.plan.net, .batch = run_.plan.base_batch};
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      if (!devices_[i]) continue;
      BenchDevice& device = run_.devices[i];
      progress_.stage(cat("first use of ", device.name));
      try {
        const auto use =
            first_use(*devices_[i], setting, arguments_.bench.epoch_rows, data_, options());
        device.first_use = device.open_seconds + use.step;
        device.end_to_end = device.open_seconds + use.epoch;
        if (!terminal_.verbose) continue;
        progress_.clear();
        terminal_.err.write(use.explanation);
      } catch (const ResourceExhausted&) {
        // The rows tell which of them are too large.
      } catch (const std::bad_alloc&) {
      }
    }
  }

  void measure_setting(std::size_t index) {
    const Setting& setting = run_.plan.settings[index];
    progress_.begin(setting);
    run_.times[index] = measure(setting, devices_, data_, options());
    progress_.end();
    if (!terminal_.json) return;
    for (const auto& row : run_.plan.rows) {
      if (row.setting == index) terminal_.out.write(bench_row_json(run_, row));
    }
  }

  const Arguments& arguments_;
  Terminal& terminal_;
  BenchRun& run_;
  const Interrupt interrupt_;  // before the devices: their threads must not take the signals
  BenchProgress progress_;
  RandomData data_;
  Devices devices_;
};

std::optional<Problem> memory_problem(const BenchRun& run) {
  for (const auto& row : run.times) {
    for (const auto& times : row) {
      if (!times.failure) continue;
      Problem problem{.failure = *times.failure, .exit = Exit::exhausted};
      problem.failure.effect = "the rows that say \"no memory\" were not measured";
      return problem;
    }
  }
  return {};
}

// Each message once, however many devices have it.
std::vector<Failure> missing_devices(const BenchRun& run) {
  std::vector<Failure> failures;
  for (const auto& device : run.devices) {
    if (!device.missing) continue;
    const bool told = std::any_of(failures.begin(), failures.end(), [&](const Failure& failure) {
      return failure.what == device.missing->what;
    });
    if (!told) failures.push_back(*device.missing);
  }
  return failures;
}

std::string interruption(const BenchRun& run) {
  const auto ended = std::count_if(run.times.begin(), run.times.end(),
                                   [](const auto& times) { return !times.empty(); });
  return cat("interrupted.\n  effect:   ", ended, " of ", run.times.size(),
             " settings were measured");
}

// All that went wrong, what decides on the exit status first.
std::vector<Problem> problems_of(const BenchRun& run, std::optional<Problem> problem) {
  std::vector<Problem> problems;
  if (problem) problems.push_back(*std::move(problem));
  const Exit missing = run.arguments.skip_missing ? Exit::ok : Exit::device;
  for (const auto& failure : missing_devices(run)) {
    problems.push_back({.failure = failure, .exit = missing});
  }
  if (const auto memory = memory_problem(run)) problems.push_back(*memory);
  return problems;
}

void save_table(BenchRun& run, std::optional<Problem>& problem) {
  const std::string& path = run.arguments.csv;
  if (path.empty() || !run.reference() || (problem && problem->exit == Exit::usage)) return;
  try {
    OutputFile file(path);
    file.write(bench_csv(run));
    file.commit();
    run.csv_saved = true;
  } catch (...) {
    if (!problem) problem = current_problem();
  }
}

}  // namespace

Exit run_bench(const Arguments& arguments, Terminal& terminal) {
  BenchRun run{.arguments = arguments.bench,
               .seed = arguments.data.seed,
               .optimizer = make_optimizer(arguments.bench.optimizer)->str(),
               .plan = make_plan(arguments.bench)};
  run.times.resize(run.plan.settings.size());
  std::optional<Problem> problem;
  try {
    if (!arguments.bench.csv.empty()) require_writable(arguments.bench.csv);
    Bench(arguments, terminal, run).run();
  } catch (...) {
    problem = current_problem();
  }
  save_table(run, problem);
  const auto problems = problems_of(run, problem);
  const auto first = std::find_if(problems.begin(), problems.end(),
                                  [](const Problem& each) { return each.exit != Exit::ok; });
  const bool failed = first != problems.end();
  const Exit exit = run.interrupted ? Exit::interrupted : failed ? first->exit : Exit::ok;
  if (terminal.json) {
    terminal.out.write(bench_run_json(run, exit, failed ? &*first : nullptr));
  } else if (exit != Exit::usage) {
    terminal.out.write(bench_report(run, arguments, terminal));
  }
  if (run.interrupted) {
    terminal.err.line(
        cat(paint("minnow:", Color::bold, terminal.err_color), " ", interruption(run)));
  }
  for (const auto& each : problems) print_failure(each.failure, terminal);
  return exit;
}

}  // namespace minnow::command
