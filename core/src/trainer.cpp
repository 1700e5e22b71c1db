#include <minnow/trainer.h>

#include <minnow/base/allocation_failure.h>
#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "trainer_state.h"

namespace minnow {
namespace {

std::string free_text(const MemoryState& memory) {
  if (memory.free < 0) return "";
  return cat("; free ", format_bytes(memory.free),
             memory.total < 0 ? "" : cat(" of ", format_bytes(memory.total)));
}

}  // namespace

Trainer::Trainer(Model& model, LossPtr loss, OptimizerPtr optimizer, Device device,
                 TrainerOptions options) try
    : state_(std::make_unique<State>(model, std::move(loss), std::move(optimizer), device,
                                     options.fuse)) {
} catch (const std::bad_alloc&) {
  throw_allocation_failed("making a trainer");
}

Trainer::~Trainer() = default;

Evaluation Trainer::step(const Tensor& x, const Tensor& y) try {
  HostRows prepared = check_rows(x, y, "", state_->model, *state_->loss);
  std::optional<DeviceRows>& data = state_->step_data;
  if (!data || !data->replace(prepared)) {
    data.emplace(state_->device_model->backend(), std::move(prepared));
  }
  const std::int64_t batch = data->prepared.rows();
  const CompiledProgram& compiled = state_->device_model->executable_for(
      {Mode::train, batch, data->prepared.x.dtype(), data->prepared.kind});
  state_->device_model->upload_weights();
  compiled->bind(data->feed(0));
  Tally tally(state_->loss->classification());
  state_->train(*compiled.executable, 1, batch, tally);
  return tally.mean();
} catch (const std::bad_alloc&) {
  throw_allocation_failed("running a step");
}

Evaluation Trainer::evaluate(const Tensor& x, const Tensor& y, std::int64_t batch_size) try {
  require_positive(batch_size, "the batch size");
  const DeviceRows data(state_->device_model->backend(),
                        check_rows(x, y, "", state_->model, *state_->loss));
  return state_->evaluate(data, batch_size);
} catch (const std::bad_alloc&) {
  throw_allocation_failed("evaluating");
}

Tensor Trainer::predict(const Tensor& x) try {
  const DeviceRows data(state_->device_model->backend(),
                        {.x = check_features(x, "x", state_->model), .target = {}});
  const std::int64_t rows = data.prepared.rows();
  const std::int64_t outputs = state_->model.outputs();
  Tensor result({rows, outputs});
  const auto values = result.mutable_data<float>();
  // A few batch sizes serve all row counts: the last batch reaches back over rows already done. A
  // row's result does not depend on its batch (on a CPU in bf16: on whether that has 32 rows).
  std::int64_t batch = rows;
  for (const std::int64_t size : {1024, 128, 16}) {
    if (rows >= size) {
      batch = size;
      break;
    }
  }
  const CompiledProgram& compiled = state_->device_model->executable_for(
      {Mode::predict, batch, data.prepared.x.dtype(), TargetKind::none});
  state_->device_model->upload_weights();
  for (std::int64_t position = 0; position < rows; position += batch) {
    const std::int64_t begin = std::min(position, rows - batch);
    compiled->bind(data.feed(begin));
    compiled->run(1);
    compiled->wait();
    compiled->read(compiled.output, values.subspan(static_cast<std::size_t>(begin * outputs),
                                                   static_cast<std::size_t>(batch * outputs)));
  }
  return result;
} catch (const std::bad_alloc&) {
  throw_allocation_failed("predicting");
}

std::span<const float> Trainer::predict_row(std::span<const float> features) try {
  State& state = *state_;
  if (static_cast<std::int64_t>(features.size()) != state.model.inputs() || !all_finite(features)) {
    const auto size = static_cast<std::int64_t>(features.size());
    check_features(Tensor::view(features, {1, size}), "x", state.model);  // throws
  }
  if (state.row_program.executable == nullptr) {
    state.row_output.resize(static_cast<std::size_t>(state.model.outputs()));
    state.row_input =
        state.device_model->backend().upload(features.data(), DType::f32, 1, state.model.inputs());
    state.row_program =
        state.device_model->compile({Mode::predict, 1, DType::f32, TargetKind::none});
  }
  state.device_model->upload_weights();
  state.row_input->assign(features.data());
  state.row_program->bind({.x = state.row_input.get(), .target = nullptr, .rows = 1});
  state.row_program->run(1);
  state.row_program->wait();
  state.row_program->read(state.row_program.output, state.row_output);
  return state.row_output;
} catch (const std::bad_alloc&) {
  throw_allocation_failed("predicting");
}

float Trainer::learning_rate() const noexcept { return state_->device_model->learning_rate(); }

void Trainer::set_learning_rate(float rate) {
  if (!std::isfinite(rate) || rate <= 0.0F) {
    throw InvalidArgument({.code = "MN-U01",
                           .what = cat("a learning rate of ", rate, " cannot be set."),
                           .remedy = "give a positive number",
                           .effect = cat("it stays ", state_->device_model->learning_rate())});
  }
  state_->device_model->set_learning_rate(rate);
}

std::int64_t Trainer::steps() const noexcept { return state_->device_model->steps(); }
const Device& Trainer::device() const noexcept { return state_->device_model->device(); }
const RunReport& Trainer::report() const noexcept { return state_->report; }

MemoryPlan Trainer::memory_plan(std::int64_t batch_size, DType x) const {
  require_positive(batch_size, "the batch size");
  const TargetKind kind = usual_target(*state_->loss, state_->model);
  return state_->device_model->backend().plan(
      state_->device_model->program({Mode::train, batch_size, x, kind}));
}

std::string Trainer::summary(std::int64_t batch_size) const {
  return cat(state_->model.summary(), "memory on ", device().info().name, " with batch ",
             batch_size, ": ", memory_plan(batch_size).str(), free_text(device().memory()), "\n");
}

std::string Trainer::explain(std::int64_t batch_size, DType x) try {
  require_positive(batch_size, "the batch size");
  const TargetKind kind = usual_target(*state_->loss, state_->model);
  return state_->device_model->executable_for({Mode::train, batch_size, x, kind})->explain();
} catch (const std::bad_alloc&) {
  throw_allocation_failed("compiling");
}

}  // namespace minnow
