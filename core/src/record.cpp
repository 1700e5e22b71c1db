#include "record.h"

#include <vector>

namespace minnow {

Program record(const Model& model, const Loss& loss, const Optimizer& optimizer,
               const ProgramKey& key) {
  Program program(key.batch, model.parameters());
  const ValueId x =
      program.gather(model.inputs(), key.x, model.options().input, key.target, model.outputs());
  std::vector<ValueId> outputs_of;
  const ValueId prediction = model.record_forward(program, x, &outputs_of);
  if (key.mode == Mode::predict) {
    program.set_output(prediction);
    return program;
  }
  const bool train = key.mode == Mode::train;
  const ValueId gradient = loss.record(program, prediction, program.target(), train);
  if (train) {
    model.record_backward(program, x, outputs_of, gradient);
    optimizer.record(program);
  }
  return program;
}

}  // namespace minnow
