#include "trainer_state.h"

#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace minnow {
namespace {

/// "2.1e+19", and over how many numbers where some are not finite.
std::string gradient_norm(DeviceModel& device_model) {
  double squares = 0;
  std::int64_t finite = 0;
  std::int64_t count = 0;
  const auto& parameters = device_model.model().parameters();
  for (std::size_t slot = 0; slot < parameters.size(); ++slot) {
    std::vector<float> values(
        static_cast<std::size_t>(parameters[slot].rows * parameters[slot].cols));
    device_model.arena().read(Arena::Part::gradients, static_cast<int>(slot), values);
    for (const float value : values) {
      ++count;
      if (!std::isfinite(value)) continue;
      ++finite;
      squares += static_cast<double>(value) * static_cast<double>(value);
    }
  }
  if (finite == 0) return "not finite";
  return cat(std::sqrt(squares),
             finite == count ? "" : cat(" over the ", finite, " of ", count, " that are finite"));
}

}  // namespace

Trainer::State::State(Model& trained, LossPtr loss_of, OptimizerPtr optimizer_of,
                      const Device& device, bool fuse_ops)
    : model(trained),
      store(trained.store_),
      loss(std::move(loss_of)),
      optimizer(std::move(optimizer_of)),
      fuse(fuse_ops),
      device_model(std::make_unique<DeviceModel>(model, store, loss, optimizer, device,
                                                 optimizer->learning_rate(), fuse)) {
  if (loss->classes(model.outputs()) != 1) return;
  throw InvalidArgument({.code = "MN-N03",
                         .what = cat(loss->name(),
                                     " needs 2 or more classes, and the model has 1 "
                                     "output."),
                         .remedy = "end the model in one unit per class, or train with "
                                   "binary_cross_entropy() or mse()",
                         .effect = "nothing was run"});
}

void Trainer::State::free_memory() noexcept {
  row_program = {};  // executables before the data and the arena that they read
  row_input.reset();
  step_data.reset();
  device_model->drop_programs();
}

void Trainer::State::move_to(const Device& device) {
  auto other = std::make_unique<DeviceModel>(model, store, loss, optimizer, device,
                                             device_model->learning_rate(), fuse);
  free_memory();
  planned.reset();
  device_model = std::move(other);
}

Evaluation Trainer::State::evaluate(const DeviceRows& data, std::int64_t batch_size) {
  Tally tally(loss->classification());
  const std::int64_t rows = data.prepared.rows();
  device_model->upload_weights();
  for (std::int64_t position = 0; position < rows;) {
    const std::int64_t batch = std::min(batch_size, rows - position);
    const CompiledProgram& compiled = device_model->executable_for(
        {Mode::evaluate, batch, data.prepared.x.dtype(), data.prepared.kind});
    compiled->bind(data.feed(position));
    const std::int64_t count = std::min((rows - position) / batch, compiled->max_steps());
    compiled->run(count);
    for (const StepResult& result : compiled->wait()) tally.add(result, batch);
    position += count * batch;
  }
  return tally.mean();
}

void Trainer::State::train(Executable& executable, std::int64_t count, std::int64_t batch,
                           Tally& tally) {
  device_model->mark_trained();
  executable.run(count);
  try {
    for (const StepResult& result : executable.wait()) tally.add(result, batch);
  } catch (const NumericError& error) {
    Failure failure = error.failure();
    failure.evidence += cat(", gradient norm ", gradient_norm(*device_model));
    throw NumericError(std::move(failure), error.step(), error.tensor());
  }
}

}  // namespace minnow
