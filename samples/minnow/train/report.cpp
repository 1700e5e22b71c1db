#include "train/report.h"

#include <minnow/open.h>

#include <algorithm>
#include <map>
#include <vector>

#include "terminal/numbers.h"

namespace minnow::command {
namespace {

std::string title(const char* name, bool color) {
  return paint(name, Color::bold, color) + padded("", 9 - columns(name));
}

std::string right(const std::string& text, std::size_t width) {
  return cat(std::string(text.size() < width ? width - text.size() : 0, ' '), text);
}

std::vector<std::string> layer_table(const Model& model) {
  std::vector<std::string> lines = {
      cat(padded("layer", 12), right("output", 7), right("params", 11))};
  std::map<std::string, int> count;
  std::int64_t features = model.inputs();
  for (const auto& layer : model.layers()) {
    std::int64_t parameters = 0;
    for (const auto& spec : layer->parameters(features)) parameters += spec.rows * spec.cols;
    features = layer->outputs(features);
    const std::string type(layer->type());
    lines.push_back(cat(padded(cat(type, "_", ++count[type]), 12),
                        right(std::to_string(features), 7), right(grouped(parameters), 11)));
  }
  return lines;
}

std::vector<std::string> memory_table(const Model& model, const MemoryPlan& plan,
                                      const std::string& dot) {
  return {cat("memory   parameters ", format_bytes(plan.parameters), dot, "gradients ",
              format_bytes(plan.gradients)),
          cat("         optimizer ", format_bytes(plan.optimizer), dot, "activations ",
              format_bytes(plan.activations)),
          cat("         workspace ", format_bytes(plan.workspace), dot, "total ",
              format_bytes(plan.total())),
          cat("total ", grouped(model.parameter_count()), " parameters")};
}

std::string data_line(const Run& run, const std::string& dot) {
  std::string text = cat(run.data, "  ", grouped(run.train_rows), " train");
  if (run.validation_rows > 0) text += cat(dot, grouped(run.validation_rows), " val");
  if (run.test_rows > 0) text += cat(dot, grouped(run.test_rows), " test");
  return cat(text, "   ", run.features, "   batch ", run.batch);
}

std::string of_epoch(const Evaluation& evaluation, const std::string& prefix) {
  const std::string loss = cat(prefix, "loss ", loss_text(evaluation.loss));
  if (!evaluation.accuracy) return loss;
  return cat(loss, " ", prefix, "acc ", percent(*evaluation.accuracy, 1));
}

std::string test_text(const Run& run, const std::string& plus_minus) {
  const Evaluation& test = *run.test;
  std::string text = cat("test loss ", with_error(test.loss, test.loss_error, plus_minus));
  if (test.accuracy) {
    text += cat("   test accuracy ", fixed(100.0 * *test.accuracy, 2), plus_minus,
                percent(accuracy_error(*test.accuracy, test.rows), 2));
  } else {
    const auto root = root_mean_square(test);
    text += cat("   test rmse ", with_error(root.value, root.error, plus_minus));
  }
  if (run.reference.empty()) return text;
  std::string reference = run.reference;
  if (const auto at = reference.find("+-"); at != std::string::npos) {
    reference.replace(at, 2, plus_minus);
  }
  return cat(text, "   (reference ", reference, ")");
}

std::string best_text(const Run& run) {
  const auto& history = run.history;
  const auto best = static_cast<std::size_t>(history.best_epoch);
  if (best < 1 || best > history.epochs.size()) return {};
  const EpochResult& epoch = history.epochs[best - 1];
  return cat("best epoch ", best, ": ",
             epoch.validation ? of_epoch(*epoch.validation, "val_") : of_epoch(epoch.train, ""),
             run.keeps_best ? ", weights restored" : "");
}

// As measured: the devices that completed steps, and how many.
std::string ran_on(const Run& run) {
  const auto& devices = run.report.steps_per_device;
  if (devices.size() < 2) {
    return cat(run.device_used, " (", grouped(run.steps), " of ", grouped(run.planned_steps()),
               " steps)");
  }
  std::string text;
  for (const auto& [device, steps] : devices) {
    text += cat(text.empty() ? "" : ", then ", device, " (", grouped(steps), " steps)");
  }
  if (run.report.repeated_steps == 0) return text;
  return cat(text, ", ", grouped(run.report.repeated_steps), " of them repeated");
}

}  // namespace

std::string banner(const Run& run, const Terminal& terminal) {
  const std::string text = cat(paint("minnow:", Color::bold, terminal.err_color),
                               " device=", run.device_used, " (", run.device_description, ")");
  if (run.device_skipped.empty()) return text;
  return cat(text, " ", terminal.symbols.dash, " ", run.device_skipped);
}

std::string header(const Run& run, const Model& model, const MemoryPlan& plan,
                   const Terminal& terminal) {
  const std::string dot = cat(" ", terminal.symbols.dot, " ");
  const auto line = [&](const char* name, const std::string& text) {
    return cat(title(name, terminal.err_color), text, "\n");
  };
  std::string text = line("run", cat("requested ", run.device_requested, ", used ", run.device_used,
                                     "   ", run.precision, "   seed ", run.seed,
                                     run.preset.empty() ? "" : "   preset ", run.preset));
  text += line("data", data_line(run, dot));
  auto left = layer_table(model);
  const auto right = memory_table(model, plan, dot);
  left.resize(std::max(left.size(), right.size()));
  for (std::size_t i = 0; i < left.size(); ++i) {
    text += line(i == 0 ? "model" : "",
                 i < right.size() ? cat(padded(left[i], 33), right[i]) : left[i]);
  }
  return text + line("train", cat(run.optimizer, dot, run.loss, dot, run.epochs,
                                  run.epochs == 1 ? " epoch" : " epochs"));
}

std::string epoch_line(const EpochResult& epoch, const Run& run) {
  const double rate = epoch.seconds > 0 ? static_cast<double>(run.train_rows) / epoch.seconds : 0;
  const auto& train = epoch.train;
  std::string text = cat("epoch ", epoch.epoch, "/", run.epochs, " ", epoch.steps, " steps ",
                         seconds_text(epoch.seconds), " ", fixed(rate, 0), "/s loss ",
                         with_error(train.loss, train.loss_error, "+-"));
  if (train.accuracy) text += cat(" acc ", percent(*train.accuracy, 1));
  if (epoch.validation) text += cat(" ", of_epoch(*epoch.validation, "val_"));
  return epoch.best ? cat(text, " best") : text;
}

std::string results(const Run& run, const Terminal& terminal) {
  const auto line = [&](const char* name, const std::string& rest) {
    return cat(title(name, terminal.out_color), rest, "\n");
  };
  std::string text = best_text(run);
  if (run.test) text += cat(text.empty() ? "" : "   ", test_text(run, terminal.symbols.plus_minus));
  if (!text.empty()) text += "\n";
  text += line("saved", run.out.empty() ? "nothing (--out=none)" : run.out);
  const std::string dot = cat(" ", terminal.symbols.dot, " ");
  std::string times = cat(seconds_text(run.history.seconds), " train", dot,
                          seconds_text(run.load_seconds), " load");
  if (run.test) times += cat(dot, seconds_text(run.test_seconds), " test");
  if (const auto peak = peak_memory(); peak > 0)
    times += cat("   peak memory ", format_bytes(peak));
  text += line("time", cat(times, "   ran on ", ran_on(run)));
  return run.ending.empty() ? text : cat(text, run.ending, "\n");
}

std::string interrupted(const Run& run) {
  if (run.steps == 0) {
    return "interrupted before the first step.\n  effect:   there was nothing to save";
  }
  const std::int64_t per_epoch = std::max<std::int64_t>(1, run.steps_per_epoch());
  const std::int64_t last = run.steps - 1;
  const std::string saved = run.out.empty()
                                ? std::string("nothing was saved (--out=none)")
                                : cat(run.out, " holds the weights after step ", grouped(run.steps),
                                      " of ", grouped(run.planned_steps()));
  return cat("interrupted at epoch ", last / per_epoch + 1, ", step ", last % per_epoch + 1,
             ".\n  effect:   ", saved);
}

}  // namespace minnow::command
