#include "train/report.h"

#include <minnow/open.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "terminal/numbers.h"
#include "terminal/printable.h"

namespace minnow::command {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kIndent = 9;

std::string title(const char* name, bool color) {
  return paint(name, Color::bold, color) + padded("", kIndent - columns(name));
}

/// The parts one after another in lines of kWidth columns, the first from column `at` on. A part
/// ends in what stands between it and the next.
std::string flowed(const std::vector<std::string>& parts, std::size_t at = kIndent) {
  const auto trimmed = [](const std::string& text) {
    return text.substr(0, text.find_last_not_of(' ') + 1);
  };
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty() && at + columns(trimmed(part)) > kWidth) {
      text = cat(trimmed(text), "\n", padded("", kIndent));
      at = kIndent;
    }
    text += part;
    at += columns(part);
  }
  return trimmed(text);
}

std::vector<std::string> layer_table(const Model& model) {
  std::vector<std::string> lines = {
      cat(padded("layer", 12), right_aligned("output", 7), right_aligned("params", 11))};
  std::map<std::string, int> count;
  std::int64_t features = model.inputs();
  for (const auto& layer : model.layers()) {
    std::int64_t parameters = 0;
    for (const auto& spec : layer->parameters(features)) parameters += spec.rows * spec.cols;
    features = layer->outputs(features);
    const std::string type(layer->type());
    lines.push_back(cat(padded(cat(type, "_", ++count[type]), 12),
                        right_aligned(std::to_string(features), 7),
                        right_aligned(grouped(parameters), 11)));
  }
  return lines;
}

std::vector<std::string> memory_table(const MemoryPlan& plan) {
  const std::pair<const char*, std::int64_t> rows[] = {
      {"parameters", plan.parameters}, {"gradients", plan.gradients},
      {"optimizer", plan.optimizer},   {"activations", plan.activations},
      {"workspace", plan.workspace},   {"total", plan.total()}};
  std::vector<std::string> lines;
  for (const auto& [name, bytes] : rows) {
    lines.push_back(cat(padded(lines.empty() ? "memory" : "", 9), padded(name, 11),
                        right_aligned(format_bytes(bytes), 11)));
  }
  return lines;
}

std::string data_text(const Run& run, const std::string& dot) {
  std::string rows = cat(grouped(run.train_rows), " train");
  if (run.validation_rows > 0) rows += cat(dot, grouped(run.validation_rows), " val");
  if (run.test_rows > 0) rows += cat(dot, grouped(run.test_rows), " test");
  return flowed(
      {cat(run.data, "  "), cat(rows, "   "), cat(run.features, "   "), cat("batch ", run.batch)});
}

std::string of_epoch(const Evaluation& evaluation, const std::string& prefix) {
  const std::string loss = cat(prefix, "loss ", loss_text(evaluation.loss));
  if (!evaluation.accuracy) return loss;
  return cat(loss, " ", prefix, "acc ", percent(*evaluation.accuracy, 1));
}

std::string test_text(const Run& run, const std::string& plus_minus) {
  const Evaluation& test = *run.test;
  std::vector<std::string> parts = {
      cat("test loss ", with_error(test.loss, test.loss_error, plus_minus), "   ")};
  if (test.accuracy) {
    parts.push_back(cat("test accuracy ", fixed(100.0 * *test.accuracy, 2), plus_minus,
                        percent(accuracy_error(*test.accuracy, test.rows), 2), "   "));
  } else if (run.squared) {
    const auto root = root_mean_square(test);
    parts.push_back(cat("test rmse ", with_error(root.value, root.error, plus_minus), "   "));
  }
  std::string reference = run.reference;
  if (const auto at = reference.find("+-"); at != std::string::npos) {
    reference.replace(at, 2, plus_minus);
  }
  if (!reference.empty()) parts.push_back(cat("(reference ", reference, ")"));
  return flowed(parts, 0);
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
std::vector<std::string> ran_on(const Run& run) {
  const auto& devices = run.report.steps_per_device;
  if (devices.size() < 2) {
    return {cat("ran on ", run.device_used, " (", grouped(run.steps), " of ",
                grouped(run.planned_steps()), " steps)")};
  }
  std::vector<std::string> parts;
  for (const auto& [device, steps] : devices) {
    if (!parts.empty()) parts.back() += ", ";
    parts.push_back(
        cat(parts.empty() ? "ran on " : "then ", device, " (", grouped(steps), " steps)"));
  }
  if (run.report.repeated_steps > 0) {
    parts.back() += ", ";
    parts.push_back(cat(grouped(run.report.repeated_steps), " of them repeated"));
  }
  return parts;
}

}  // namespace

std::string banner(const Run& run, const Terminal& terminal) {
  const std::string name = "minnow:";
  std::vector<std::string> parts;
  std::string rest = cat(" device=", run.device_used, " (",
                         printable(run.device_description, terminal.utf8), ") ");
  for (auto comma = rest.find(", "); comma != std::string::npos; comma = rest.find(", ")) {
    parts.push_back(rest.substr(0, comma + 2));
    rest.erase(0, comma + 2);
  }
  parts.push_back(rest);
  if (!run.device_skipped.empty()) {
    parts.push_back(cat(terminal.symbols.dash, " ", printable(run.device_skipped, terminal.utf8)));
  }
  return cat(paint(name, Color::bold, terminal.err_color), flowed(parts, columns(name)));
}

std::string header(const Run& run, const Model& model, const MemoryPlan& plan,
                   const Terminal& terminal) {
  const std::string dot = cat(" ", terminal.symbols.dot, " ");
  const auto line = [&](const char* name, const std::string& text) {
    return cat(title(name, terminal.err_color), text, "\n");
  };
  std::string text = line("run", flowed({cat("requested ", run.device_requested, ", "),
                                         cat("used ", run.device_used, "   "),
                                         cat(run.precision, "   "), cat("seed ", run.seed, "   "),
                                         run.preset.empty() ? "" : cat("preset ", run.preset)}));
  text += line("data", data_text(run, dot));
  auto left = layer_table(model);
  left.push_back(cat("total ", grouped(model.parameter_count()), " parameters"));
  const auto right = memory_table(plan);
  left.resize(std::max(left.size(), right.size()));
  for (std::size_t i = 0; i < left.size(); ++i) {
    text += line(i == 0 ? "model" : "",
                 i < right.size() ? cat(padded(left[i], 33), right[i]) : left[i]);
  }
  return text + line("train", flowed({cat(run.optimizer, dot), cat(run.loss, dot),
                                      cat(run.epochs, run.epochs == 1 ? " epoch" : " epochs")}));
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
  if (!text.empty()) text += "\n";
  if (run.test) text += cat(test_text(run, terminal.symbols.plus_minus), "\n");
  text += line("saved", run.not_saved     ? "nothing"
                        : run.out.empty() ? "nothing (--out=none)"
                                          : printable(run.out, terminal.utf8));
  const std::string dot = cat(" ", terminal.symbols.dot, " ");
  std::string times = cat(seconds_text(run.history.seconds), " train", dot,
                          seconds_text(run.load_seconds), " load");
  if (run.test) times += cat(dot, seconds_text(run.test_seconds), " test");
  std::vector<std::string> parts = {cat(times, "   ")};
  if (const auto peak = peak_memory(); peak > 0) {
    parts.push_back(cat("peak memory ", format_bytes(peak), "   "));
  }
  for (const auto& part : ran_on(run)) parts.push_back(part);
  text += line("time", flowed(parts));
  return run.ending.empty() ? text : cat(text, run.ending, "\n");
}

std::string interrupted(const Run& run, const Terminal& terminal) {
  if (run.steps == 0) {
    return "interrupted before the first step.\n  effect:   there was nothing to save";
  }
  const std::int64_t per_epoch = std::max<std::int64_t>(1, run.steps_per_epoch());
  const std::int64_t last = run.steps - 1;
  const std::string saved =
      run.not_saved     ? std::string("nothing was saved")
      : run.out.empty() ? std::string("nothing was saved (--out=none)")
                        : cat(printable(run.out, terminal.utf8), " holds the weights after step ",
                              grouped(run.steps), " of ", grouped(run.planned_steps()));
  return cat("interrupted at epoch ", last / per_epoch + 1, ", step ", last % per_epoch + 1,
             ".\n  effect:   ", saved);
}

}  // namespace minnow::command
