#include "train/json_lines.h"

#include <map>

#include "terminal/json_text.h"

namespace minnow::command {
namespace {

void add_test(Json& run, const Evaluation& test, bool squared) {
  run["test_loss"] = test.loss;
  run["test_loss_se"] = test.loss_error;
  if (test.accuracy) {
    run["test_accuracy"] = *test.accuracy;
    run["test_accuracy_se"] = accuracy_error(*test.accuracy, test.rows);
  } else if (squared) {
    const auto root = root_mean_square(test);
    run["test_rmse"] = root.value;
    run["test_rmse_se"] = root.error;
  }
  run["test_rows"] = test.rows;
}

void add_history(Json& run, const History& history) {
  static const std::map<FitEnd, const char*> kEnds = {{FitEnd::completed, "completed"},
                                                      {FitEnd::early_stopping, "early stopping"},
                                                      {FitEnd::stopped, "interrupted"}};
  run["end"] = kEnds.at(history.end);
  run["epochs"] = history.epochs.size();
  run["seconds"] = history.seconds;
  run["best_epoch"] = history.best_epoch;
  if (history.epochs.empty()) return;
  const EpochResult& last = history.epochs.back();
  run["train_loss"] = last.train.loss;
  if (last.train.accuracy) run["train_accuracy"] = *last.train.accuracy;
  if (last.validation) {
    run["val_loss"] = last.validation->loss;
    if (last.validation->accuracy) run["val_accuracy"] = *last.validation->accuracy;
  }
}

Json bytes_json(const MemoryPlan& plan) {
  return {{"parameters", plan.parameters},
          {"gradients", plan.gradients},
          {"optimizer", plan.optimizer},
          {"activations", plan.activations},
          {"data", plan.data},
          {"workspace", plan.workspace},
          {"total", plan.total()}};
}

// Null where training stayed on the device that was asked for.
Json fallback_json(const Run& run) {
  if (run.report.fallback) {
    const auto& [failure, step] = *run.report.fallback;
    return {{"code", failure.code.c_str()}, {"cause", failure.what}, {"step", step}};
  }
  if (run.device_skipped.empty()) return {};
  return {{"code", run.device_skipped_code}, {"cause", run.device_skipped}, {"step", 0}};
}

void add_report(Json& run, const RunReport& report) {
  Json devices = Json::object();
  for (const auto& [device, steps] : report.steps_per_device) devices[device] = steps;
  run["steps_per_device"] = devices;
  run["retries"] = report.retries;
  run["microbatch"] = report.microbatch > 0 ? Json(report.microbatch) : Json();
  run["rollbacks"] = report.rollbacks;
  run["repeated_steps"] = report.repeated_steps;
  run["snapshots"] = report.snapshots;
  run["snapshot_seconds"] = report.snapshot_seconds;
  run["planned_bytes"] = bytes_json(report.needed);
  run["peak_bytes"] = bytes_json(report.peak);
  Json notices = Json::array();
  for (const Failure& notice : report.notices) notices.push_back(error_json(notice));
  run["notices"] = notices;
}

}  // namespace

std::string epoch_json(const EpochResult& epoch) {
  Json json;
  json["epoch"] = epoch.epoch;
  json["steps"] = epoch.steps;
  json["seconds"] = epoch.seconds;
  json["loss"] = epoch.train.loss;
  json["loss_se"] = epoch.train.loss_error;
  if (epoch.train.accuracy) json["acc"] = *epoch.train.accuracy;
  if (epoch.validation) {
    json["val_loss"] = epoch.validation->loss;
    if (epoch.validation->accuracy) json["val_acc"] = *epoch.validation->accuracy;
  }
  json["best"] = epoch.best;
  return json_line(json);
}

std::string run_json(const Run& run, Exit exit, const Problem* problem) {
  Json json;
  if (!run.device_requested.empty()) json["device_requested"] = run.device_requested;
  if (!run.device_used.empty()) {
    json["device_used"] = run.device_used;
    json["device"] = run.device_description;
    json["precision"] = run.precision;
    json["fallback"] = fallback_json(run);
    json["seed"] = run.seed;
  }
  if (run.batch > 0) {
    json["data"] = run.data;
    json["train_rows"] = run.train_rows;
    json["layers"] = run.layers;
    json["parameters"] = run.parameters;
    json["optimizer"] = run.optimizer;
    json["loss"] = run.loss;
    json["batch"] = run.batch;
    json["steps"] = run.steps;
    if (problem == nullptr) add_history(json, run.history);
    if (run.test) add_test(json, *run.test, run.squared);
    json["load_seconds"] = run.load_seconds;
    json["peak_memory_bytes"] = peak_memory();
    json["files"] = run.files;
    add_report(json, run.report);
    json["out"] = text_or_null(run.out);
  }
  if (problem != nullptr) json["error"] = error_json(problem->failure);
  json["exit"] = static_cast<int>(exit);
  return json_line(Json{{"run", json}});
}

std::string summary_json(const Summary& summary) {
  const Model& model = summary.model;
  Json layers = Json::array();
  std::int64_t features = model.inputs();
  for (const auto& layer : model.layers()) {
    std::int64_t parameters = 0;
    for (const auto& spec : layer->parameters(features)) parameters += spec.rows * spec.cols;
    features = layer->outputs(features);
    layers.push_back({{"type", layer->type()}, {"outputs", features}, {"parameters", parameters}});
  }
  const auto& trained = summary.trained;
  return json_line(Json{{"summary",
                         {{"device", summary.device},
                          {"inputs", model.inputs()},
                          {"outputs", model.outputs()},
                          {"parameters", model.parameter_count()},
                          {"batch", summary.batch},
                          {"optimizer", summary.optimizer},
                          {"loss", summary.loss},
                          {"trained", trained.empty() ? Json() : Json(trained)},
                          {"layers", layers},
                          {"memory_bytes", bytes_json(summary.plan)}}}});
}

}  // namespace minnow::command
