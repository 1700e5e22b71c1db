#include "train/summary.h"

#include <minnow/minnow.h>

#include <map>

#include "data/inputs.h"
#include "terminal/numbers.h"
#include "terminal/printable.h"
#include "train/json_lines.h"
#include "train/optimizers.h"
#include "train/setup.h"
#include "train/targets.h"

namespace minnow::command {
namespace {

struct Subject {
  Model model;
  ChosenLoss loss;
  DType source = DType::f32;
  std::map<std::string, std::string> trained = {};  // what a saved model says of its training
};

std::map<std::string, std::string> training_of(const std::string& path) {
  auto metadata = read_safetensors(path).metadata;
  std::erase_if(metadata, [](const auto& entry) {
    return entry.first == "format" || entry.first.starts_with("minnow.");
  });
  return metadata;
}

Subject subject_of(const Arguments& arguments) {
  if (!arguments.model.empty()) {
    Model model = load_model(arguments.model);
    const End end = end_of(model.layers());
    return {.model = std::move(model),
            .loss = choose_loss("auto", {.end = end}),
            .trained = training_of(arguments.model)};
  }
  Inputs inputs = load_inputs(arguments.data);
  const auto [architecture, loss] = decide_task(arguments.training, inputs);
  return {.model = make_model(inputs, architecture, arguments.data.seed),
          .loss = loss,
          .source = inputs.x.dtype()};
}

std::string trained_text(const std::map<std::string, std::string>& training, bool utf8) {
  std::string text;
  for (const auto& [key, value] : training) text += cat(text.empty() ? "" : ", ", key, " ", value);
  return text.empty() ? text : cat("trained with ", printable(text, utf8), "\n");
}

}  // namespace

Exit run_summary(const Arguments& arguments, Terminal& terminal) {
  const Device device = open_device(arguments.common);
  Subject subject = subject_of(arguments);
  const Recipe recipe = chosen_recipe(arguments.data.dataset, arguments.training);
  const OptimizerPtr optimizer = make_optimizer(arguments.training.optimizer, recipe.learning_rate);
  Trainer trainer(subject.model, subject.loss.loss, optimizer, device);
  if (terminal.json) {
    terminal.out.write(summary_json({.model = subject.model,
                                     .trained = subject.trained,
                                     .optimizer = optimizer->str(),
                                     .loss = subject.loss.text,
                                     .plan = trainer.memory_plan(recipe.batch, subject.source),
                                     .device = device.info().name,
                                     .batch = recipe.batch}));
    return Exit::ok;
  }
  terminal.out.write(cat(trainer.summary(recipe.batch), "step with ", optimizer->str(), ", ",
                         subject.loss.text, "\n", trained_text(subject.trained, terminal.utf8)));
  if (terminal.verbose) terminal.out.write(trainer.explain(recipe.batch, subject.source));
  return Exit::ok;
}

}  // namespace minnow::command
