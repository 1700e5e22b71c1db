#include "train/setup.h"

#include "terminal/exit_codes.h"

namespace minnow::command {

Device open_device(const CommonArguments& arguments) {
  return from_command_line([&] {
    return minnow::open(arguments.device,
                        {.threads = arguments.threads,
                         .precision = arguments.precision,
                         .tune = arguments.tune,
                         .memory_limit = static_cast<std::int64_t>(arguments.memory_limit)});
  });
}

Recipe chosen_recipe(const std::string& dataset, const TrainingArguments& arguments) {
  Recipe recipe = recipe_of(dataset);
  recipe.epochs = arguments.epochs.value_or(recipe.epochs);
  recipe.batch = arguments.batch.value_or(recipe.batch);
  // The recipes' rates are Adam's.
  if (arguments.optimizer == "sgd") recipe.learning_rate = SgdOptions{}.learning_rate;
  recipe.learning_rate = arguments.learning_rate.value_or(recipe.learning_rate);
  return recipe;
}

OptimizerPtr make_optimizer(const TrainingArguments& arguments, double learning_rate) {
  const auto rate = static_cast<float>(learning_rate);
  return from_command_line([&] {
    if (arguments.optimizer == "sgd") {
      return sgd({.learning_rate = rate,
                  .momentum = static_cast<float>(arguments.momentum.value_or(0.0))});
    }
    const bool torch = arguments.optimizer == "adam-torch";
    return adam({.learning_rate = rate, .preset = torch ? AdamPreset::torch : AdamPreset::keras});
  });
}

std::string preset_of(const TrainingArguments& arguments) {
  if (arguments.optimizer == "sgd") return {};
  return arguments.optimizer == "adam-torch" ? "torch" : "keras";
}

LossPtr make_loss(bool classification) { return classification ? cross_entropy() : mse(); }

Model make_model(const Inputs& inputs, const Architecture& architecture, std::uint64_t seed) {
  return from_command_line([&] {
    return Model(inputs.x.shape().row_elements(), architecture.layers,
                 {.seed = seed, .input = inputs.transform});
  });
}

}  // namespace minnow::command
