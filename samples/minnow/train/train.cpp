#include "train/train.h"

#include <minnow/minnow.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/inputs.h"
#include "terminal/interrupt.h"
#include "terminal/numbers.h"
#include "terminal/print_failure.h"
#include "terminal/stopwatch.h"
#include "train/json_lines.h"
#include "train/optimizers.h"
#include "train/progress.h"
#include "train/report.h"
#include "train/save.h"
#include "train/setup.h"
#include "train/targets.h"

namespace minnow::command {
namespace {

// "28x28 -> 784, scaled by 1/255"
std::string features_text(const Inputs& inputs) {
  const auto& extents = inputs.x.shape().extents();
  const std::int64_t features = inputs.x.shape().row_elements();
  std::string text;
  if (extents.size() > 2) {
    for (std::size_t axis = 1; axis < extents.size(); ++axis) {
      text += cat(axis == 1 ? "" : "x", extents[axis]);
    }
    text += cat(" -> ", features);
  } else {
    text = cat(features, features == 1 ? " feature" : " features");
  }
  return inputs.scaling.empty() ? text : cat(text, ", ", inputs.scaling);
}

void describe_data(const Inputs& inputs, double validation_split, Run& run) {
  const std::int64_t rows = inputs.x.shape().rows();
  run.data = inputs.name;
  run.features = features_text(inputs);
  // As Keras splits: the first floor(rows * (1 - split)) rows train.
  run.train_rows =
      static_cast<std::int64_t>(std::floor(static_cast<double>(rows) * (1.0 - validation_split)));
  run.validation_rows = rows - run.train_rows;
  run.test_rows = inputs.test_x.empty() ? 0 : inputs.test_x.shape().rows();
}

void describe_model(const Architecture& architecture, const Model& model, const Recipe& recipe,
                    Run& run) {
  run.layers = architecture.text;
  run.parameters = model.parameter_count();
  run.epochs = recipe.epochs;
  // A batch of more rows than there are is all of them.
  run.batch = std::max<std::int64_t>(1, std::min(recipe.batch, run.train_rows));
  run.reference = recipe.reference;
  if (recipe.dataset == "toy") run.ending = "Training completed successfully.";
}

// What the library calls rows and slices has a name on the command line.
std::string remedy_of(const ResourceExhausted& error, const Run& run) {
  const auto& fit = error.alternatives();
  std::string text;
  if (fit.microbatch > 0) {
    text = cat("--microbatch=auto keeps batch ", run.batch, " (slices of ", fit.microbatch, ")");
  }
  if (fit.largest_batch > 0) {
    text +=
        cat(text.empty() ? "" : ", or ", "--batch=", fit.largest_batch, ", the largest that fits");
  }
  return text.empty() ? error.remedy() : text;
}

/// A run that ended early: the weights are good ones, and worth keeping.
template <class E>
Failure save_what_is_good(const E& error, const Trainer& trainer, const Model& model,
                          OutputPlace& place, Run& run, Terminal& terminal) {
  Failure failure = error.failure();
  run.report = trainer.report();
  run.steps = trainer.steps();
  if (const auto problem = save(model, place, run, terminal)) {
    run.report.notices.push_back(problem->failure);
  }
  if (!run.out.empty()) {
    failure.effect += cat(failure.effect.empty() ? "" : "; ", "saved in ", run.out);
  }
  return failure;
}

FitOptions fit_options(const TrainingArguments& arguments, const Run& run, Progress& progress,
                       const Interrupt& interrupt) {
  FitOptions options{.epochs = run.epochs,
                     .batch_size = run.batch,
                     .shuffle = arguments.shuffle,
                     .validation_split = arguments.validation_split,
                     .microbatch = arguments.microbatch,
                     .snapshot = arguments.snapshot,
                     .on_not_finite = arguments.on_not_finite};
  options.on_notice = [&](const Failure& failure) { progress.notice(failure); };
  if (arguments.patience) options.early_stopping = EarlyStopping{.patience = *arguments.patience};
  if (progress.wants_batches()) {
    options.on_batch_end = [&](const BatchResult& batch) { progress.batch(batch); };
  }
  options.on_epoch_end = [&](const EpochResult& epoch) { progress.epoch(epoch); };
  options.stop = interrupt.token();
  return options;
}

// In batches small enough that the standard error of their mean losses says something: rows alone
// where there are few.
Evaluation evaluate(const Inputs& inputs, Trainer& trainer) {
  const std::int64_t rows = inputs.test_x.shape().rows();
  return trainer.evaluate(inputs.test_x, inputs.test_y, rows <= 4096 ? 1 : 32);
}

// By use, so that whatever is wrong with it is known before the first step, not after the last.
void check_test_set(const Inputs& inputs, Trainer& trainer) {
  const auto told = [](const Error& error) {
    Failure failure = error.failure();
    failure.evidence = "x and y are --test-x and --test-y";
    return failure;
  };
  try {
    evaluate(inputs, trainer);
  } catch (const ShapeError& error) {
    throw ShapeError(told(error));
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(told(error));
  }
}

Exit finish(const Inputs& inputs, Trainer& trainer, const std::optional<Problem>& not_saved,
            Run& run, Terminal& terminal) {
  if (run.interrupted) {
    terminal.err.line(
        cat(paint("minnow:", Color::bold, terminal.err_color), " ", interrupted(run, terminal)));
  } else if (!inputs.test_x.empty()) {
    const Stopwatch watch;
    run.test = evaluate(inputs, trainer);
    run.test_seconds = watch.seconds();
  }
  const Exit exit = not_saved ? not_saved->exit : run.interrupted ? Exit::interrupted : Exit::ok;
  if (not_saved) run.ending.clear();
  if (terminal.json) {
    terminal.out.write(run_json(run, exit, not_saved ? &*not_saved : nullptr));
  } else if (!run.interrupted) {
    terminal.out.write(results(run, terminal));
  }
  return exit;
}

Exit train(const Arguments& arguments, Terminal& terminal, Run& run) {
  const Interrupt interrupt;  // before the device: its threads must not take the signals
  const auto& training = arguments.training;
  run.device_requested = arguments.common.device;
  run.seed = arguments.data.seed;
  const Device device = open_device(arguments.common);
  run.device_used = device.info().name;
  run.device_description = device.info().description;
  if (const auto& skipped = device.skipped()) {
    run.device_skipped = skipped->failure.what;
    if (run.device_skipped.ends_with('.')) run.device_skipped.pop_back();
    run.device_skipped_code = skipped->failure.code.c_str();
  }
  run.precision = name_of(device.info().precision);
  terminal.note(banner(run, terminal));
  if (device.skipped() && device.skipped()->notable) {
    print_failure(device.skipped()->failure, terminal);
  }

  const Stopwatch load_watch;
  Inputs inputs = load_inputs(arguments.data);
  run.load_seconds = load_watch.seconds();
  const auto [architecture, loss] = decide_task(training, inputs);
  const Recipe recipe = chosen_recipe(inputs.from_files ? "" : inputs.name, training);
  Model model = make_model(inputs, architecture, run.seed);
  const OptimizerPtr optimizer = make_optimizer(training.optimizer, recipe.learning_rate);
  Trainer trainer(model, loss.loss, optimizer, device);
  describe_data(inputs, training.validation_split, run);
  describe_model(architecture, model, recipe, run);
  run.optimizer = optimizer->str();
  run.preset = preset_of(training.optimizer);
  run.keeps_best = training.patience.has_value();
  run.loss = loss.text;
  run.squared = loss.squared;

  OutputPlace place(training.out, inputs.name);
  check_place(model, place, run);
  if (!terminal.quiet) {
    const auto plan = trainer.memory_plan(run.batch, inputs.x.dtype());
    terminal.err.write(header(run, model, plan, terminal));
  }
  if (terminal.verbose) terminal.err.write(trainer.explain(run.batch, inputs.x.dtype()));
  if (inputs.from_files && run.test_rows > 0) check_test_set(inputs, trainer);

  try {
    Progress progress(terminal, run);
    run.history = trainer.fit(inputs.x, inputs.y, fit_options(training, run, progress, interrupt));
  } catch (const NumericError& error) {
    throw NumericError(save_what_is_good(error, trainer, model, place, run, terminal), error.step(),
                       error.tensor());
  } catch (const DeviceError& error) {
    throw DeviceError(save_what_is_good(error, trainer, model, place, run, terminal), error.call(),
                      error.status(), error.lost());
  } catch (const ResourceExhausted& error) {
    Failure failure = save_what_is_good(error, trainer, model, place, run, terminal);
    failure.remedy = remedy_of(error, run);
    throw ResourceExhausted(std::move(failure), error.needed_bytes(), error.free_bytes(),
                            error.alternatives());
  }
  run.report = trainer.report();
  run.device_used = run.report.device_used.empty() ? run.device_used : run.report.device_used;
  run.steps = trainer.steps();
  run.interrupted = run.history.end == FitEnd::stopped;
  const auto not_saved = save(model, place, run, terminal);
  return finish(inputs, trainer, not_saved, run, terminal);
}

}  // namespace

Exit run_train(const Arguments& arguments, Terminal& terminal) {
  Run run;
  try {
    return train(arguments, terminal, run);
  } catch (...) {
    const Problem problem = current_problem();
    print_failure(problem.failure, terminal);
    if (terminal.json) terminal.out.write(run_json(run, problem.exit, &problem));
    return problem.exit;
  }
}

}  // namespace minnow::command
