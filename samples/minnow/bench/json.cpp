#include "bench/json.h"

#include "bench/report.h"
#include "terminal/json_text.h"

namespace minnow::command {
namespace {

Json milliseconds(const std::vector<double>& rounds) {
  Json all = Json::array();
  for (const double seconds : rounds) all.push_back(1000.0 * seconds);
  return all;
}

void add_times(Json& json, const std::string& name, const std::vector<double>& rounds) {
  if (rounds.empty()) return;
  json[name + "_ms"] = 1000.0 * median(rounds);
  json[name + "_spread_ms"] = 1000.0 * spread(rounds);
  json[name + "_rounds_ms"] = milliseconds(rounds);
}

Json device_json(const BenchRun& run, const PlanRow& row, std::size_t device) {
  const StepTimes& times = run.of(row, device);
  Json json = {{"device", run.devices[device].name}};
  if (times.failure) {
    json["error"] = error_json(*times.failure);
    return json;
  }
  add_times(json, "transfers", times.transfers);
  add_times(json, "resident", times.resident);
  if (!times.kernels.empty() && median(times.kernels) > 0.0) {
    json["kernels_ms"] = 1000.0 * median(times.kernels);
  }
  if (device == *run.reference()) return json;
  if (const auto speed = speed_up(run.of(row, *run.reference()), times)) {
    json["speedup"] = speed->ratio;
    json["speedup_95"] = {speed->interval.low, speed->interval.high};
  }
  if (times.difference) json["max_weight_difference"] = *times.difference;
  return json;
}

Json optional(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json crossover_json(const BenchRun& run, Grid grid, std::size_t other) {
  const auto found = crossover_of(run, grid, other);
  if (!found) return {};
  const bool crosses =
      found->kind == Crossover::Kind::from || found->kind == Crossover::Kind::up_to;
  return {{"at", crosses ? Json(found->at) : Json()},
          {"text", crossover_text(run, grid, other, *found)}};
}

Json device_of_run(const BenchRun& run, std::size_t device) {
  const BenchDevice& about = run.devices[device];
  Json json = {{"device", about.name}};
  if (about.missing) {
    json["error"] = error_json(*about.missing);
    return json;
  }
  json["device_used"] = about.used;
  json["description"] = about.description;
  json["precision"] = about.precision;
  json["open_seconds"] = about.open_seconds;
  json["first_use_seconds"] = optional(about.first_use);
  json["end_to_end_seconds"] = optional(about.end_to_end);
  if (device == *run.reference()) return json;
  if (const auto back = pay_back(run, device)) {
    json["pays_back"] = {{"batch", back->batch}, {"steps", optional(back->steps)}};
  }
  json["crossover"] = {{"batch", crossover_json(run, Grid::batch, device)},
                       {"width", crossover_json(run, Grid::width, device)}};
  return json;
}

}  // namespace

std::string bench_row_json(const BenchRun& run, const PlanRow& row) {
  const Setting& setting = run.plan.settings[row.setting];
  Json devices = Json::array();
  for (std::size_t device = 0; device < run.devices.size(); ++device) {
    if (!run.devices[device].missing) devices.push_back(device_json(run, row, device));
  }
  return json_line({{"grid", name_of(row.grid)},
                    {"size", row.size},
                    {"net", setting.net.text()},
                    {"batch", setting.batch},
                    {"devices", devices}});
}

std::string bench_run_json(const BenchRun& run, Exit exit, const Problem* problem) {
  Json json = {{"command", "bench"},
               {"net", run.plan.net.text()},
               {"optimizer", run.optimizer},
               {"seed", run.seed},
               {"rounds", run.arguments.rounds},
               {"round_seconds", run.arguments.round_seconds},
               {"base_batch", run.plan.base_batch},
               {"epoch_rows", run.arguments.epoch_rows}};
  Json devices = Json::array();
  for (std::size_t device = 0; device < run.devices.size(); ++device) {
    devices.push_back(device_of_run(run, device));
  }
  json["devices"] = devices;
  json["interrupted"] = run.interrupted;
  if (problem != nullptr) json["error"] = error_json(problem->failure);
  json["exit"] = static_cast<int>(exit);
  return json_line(Json{{"run", json}});
}

}  // namespace minnow::command
