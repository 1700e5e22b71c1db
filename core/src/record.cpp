#include "record.h"

#include <algorithm>
#include <vector>

namespace minnow {
namespace {

/// The forward and backward pass of the rows that the program is at.
void record_gradients(Program& program, const Model& model, const Loss& loss,
                      const ProgramKey& key) {
  const ValueId x =
      program.gather(model.inputs(), key.x, model.options().input, key.target, model.outputs());
  std::vector<Forward> recorded;
  const ValueId prediction = model.record_forward(program, x, &recorded);
  const ValueId gradient = loss.record(program, prediction, program.target(), true);
  model.record_backward(program, recorded, gradient);
}

}  // namespace

TargetKind usual_target(const Loss& loss, const Model& model) {
  return loss.classes(model.outputs()) > 0 ? TargetKind::labels : TargetKind::values;
}

Program record(const Model& model, const Loss& loss, const Optimizer& optimizer,
               const ProgramKey& key) {
  Program program(key.batch, model.parameters());
  if (key.mode == Mode::train) {
    const bool sliced = key.slice > 0 && key.slice < key.batch;
    const std::int64_t most = sliced ? key.slice : key.batch;
    for (std::int64_t row = 0; row < key.batch; row += most) {
      if (sliced) program.begin_slice(row, std::min(most, key.batch - row));
      record_gradients(program, model, loss, key);
    }
    program.update(optimizer.rule());
    return program;
  }
  const ValueId x =
      program.gather(model.inputs(), key.x, model.options().input, key.target, model.outputs());
  const ValueId prediction = model.record_forward(program, x);
  if (key.mode == Mode::predict) {
    program.set_output(prediction);
  } else {
    loss.record(program, prediction, program.target(), false);
  }
  return program;
}

}  // namespace minnow
