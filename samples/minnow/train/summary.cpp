#include "train/summary.h"

#include <minnow/minnow.h>

#include "data/inputs.h"
#include "train/json_lines.h"
#include "train/setup.h"
#include "train/targets.h"

namespace minnow::command {
namespace {

bool ends_in_softmax(const Model& model) { return model.layers().back()->type() == "softmax"; }

Model model_of(const Arguments& arguments, DType& source) {
  if (!arguments.model.empty()) return load_model(arguments.model);
  Inputs inputs = load_inputs(arguments.data);
  source = inputs.x.dtype();
  const Architecture architecture = fit_architecture(arguments.training.layers, inputs);
  return make_model(inputs, architecture, arguments.data.seed);
}

}  // namespace

Exit run_summary(const Arguments& arguments, Terminal& terminal) {
  const Device device = open_device(arguments.common);
  DType source = DType::f32;
  Model model = model_of(arguments, source);
  const Recipe recipe = chosen_recipe(arguments.data.dataset, arguments.training);
  Trainer trainer(model, make_loss(ends_in_softmax(model)),
                  make_optimizer(arguments.training, recipe.learning_rate), device);
  if (terminal.json) {
    terminal.out.write(summary_json(model, trainer.memory_plan(recipe.batch, source),
                                    device.info().name, recipe.batch));
    return Exit::ok;
  }
  terminal.out.write(trainer.summary(recipe.batch));
  if (terminal.verbose) terminal.out.write(trainer.explain(recipe.batch, source));
  return Exit::ok;
}

}  // namespace minnow::command
