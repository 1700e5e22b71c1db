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
  return recipe;
}

Model make_model(const Inputs& inputs, const Architecture& architecture, std::uint64_t seed) {
  return from_command_line([&] {
    return Model(inputs.x.shape().row_elements(), architecture.layers,
                 {.seed = seed, .input = inputs.transform});
  });
}

}  // namespace minnow::command
