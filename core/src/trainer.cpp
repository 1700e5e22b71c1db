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

/// "2.1e+19", and over how many numbers where some are not finite.
std::string gradient_norm(Execution& execution) {
  double squares = 0;
  std::int64_t finite = 0;
  std::int64_t count = 0;
  const auto& parameters = execution.model().parameters();
  for (std::size_t slot = 0; slot < parameters.size(); ++slot) {
    std::vector<float> values(
        static_cast<std::size_t>(parameters[slot].rows * parameters[slot].cols));
    execution.arena().read(Arena::Part::gradients, static_cast<int>(slot), values);
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

std::string free_text(const MemoryState& memory) {
  if (memory.free < 0) return "";
  return cat("; free ", format_bytes(memory.free),
             memory.total < 0 ? "" : cat(" of ", format_bytes(memory.total)));
}

}  // namespace

void Tally::add(const StepResult& result, std::int64_t rows) {
  const double loss = result.loss;
  rows_ += rows;
  ++batches_;
  correct_ += result.correct;
  weighted_loss_ += loss * static_cast<double>(rows);
  batch_loss_ += loss;
  batch_loss_squares_ += loss * loss;
}

Evaluation Tally::mean() const {
  Evaluation mean{.rows = rows_};
  if (rows_ == 0) return mean;
  mean.loss = weighted_loss_ / static_cast<double>(rows_);
  if (classification_) {
    mean.accuracy = static_cast<double>(correct_) / static_cast<double>(rows_);
  }
  if (batches_ > 1) {
    const auto count = static_cast<double>(batches_);
    const double variance =
        (batch_loss_squares_ - batch_loss_ * batch_loss_ / count) / (count - 1.0);
    mean.loss_error = std::sqrt(std::max(variance, 0.0) / count);
  }
  return mean;
}

Uploaded::Uploaded(Backend& backend, Prepared data) : prepared(std::move(data)) {
  const std::int64_t rows = prepared.rows();
  x = backend.upload(prepared.x.raw(), prepared.x.dtype(), rows, prepared.x.shape().row_elements());
  if (prepared.kind == TargetKind::none) return;
  target = backend.upload(prepared.target.raw(), prepared.target.dtype(), rows,
                          prepared.target.shape().row_elements());
}

bool Uploaded::replace(const Prepared& data) {
  const auto same = [](const Tensor& a, const Tensor& b) {
    return a.dtype() == b.dtype() && a.shape() == b.shape();
  };
  if (!same(data.x, prepared.x) || !same(data.target, prepared.target)) return false;
  x->assign(data.x.raw());
  if (target) target->assign(data.target.raw());
  prepared = data;
  return true;
}

Feed Uploaded::feed(std::int64_t position) const {
  return {.x = x.get(), .target = target.get(), .rows = prepared.rows(), .position = position};
}

Trainer::State::State(Model& trained, LossPtr loss_of, OptimizerPtr optimizer_of,
                      const Device& device, bool fuse_ops)
    : model(trained),
      store(trained.store_),
      loss(std::move(loss_of)),
      optimizer(std::move(optimizer_of)),
      fuse(fuse_ops),
      execution(std::make_unique<Execution>(model, store, loss, optimizer, device,
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
  row = {};  // executables before the data and the arena that they read
  row_input.reset();
  step_data.reset();
  execution->drop_programs();
}

void Trainer::State::move_to(const Device& device) {
  auto other = std::make_unique<Execution>(model, store, loss, optimizer, device,
                                           execution->learning_rate(), fuse);
  free_memory();
  fitted.reset();
  execution = std::move(other);
}

Prepared Trainer::State::prepare(const Tensor& x, const Tensor& y, std::string_view suffix) const {
  return minnow::prepare(x, y, suffix, model, *loss);
}

Evaluation Trainer::State::evaluate(const Uploaded& data, std::int64_t batch_size) {
  Tally tally(loss->classification());
  const std::int64_t rows = data.prepared.rows();
  execution->upload_weights();
  for (std::int64_t position = 0; position < rows;) {
    const std::int64_t batch = std::min(batch_size, rows - position);
    const Compiled& compiled =
        execution->compiled({Mode::evaluate, batch, data.prepared.x.dtype(), data.prepared.kind});
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
  execution->mark_trained();
  executable.run(count);
  try {
    for (const StepResult& result : executable.wait()) tally.add(result, batch);
  } catch (const NumericError& error) {
    Failure failure = error.failure();
    failure.evidence += cat(", gradient norm ", gradient_norm(*execution));
    throw NumericError(std::move(failure), error.step(), error.tensor());
  }
}

Trainer::Trainer(Model& model, LossPtr loss, OptimizerPtr optimizer, Device device,
                 TrainerOptions options) try
    : state_(std::make_unique<State>(model, std::move(loss), std::move(optimizer), device,
                                     options.fuse)) {
} catch (const std::bad_alloc&) {
  throw_allocation_failed("making a trainer");
}

Trainer::~Trainer() = default;

Evaluation Trainer::step(const Tensor& x, const Tensor& y) try {
  Prepared prepared = state_->prepare(x, y, "");
  std::optional<Uploaded>& data = state_->step_data;
  if (!data || !data->replace(prepared)) {
    data.emplace(state_->execution->backend(), std::move(prepared));
  }
  const std::int64_t batch = data->prepared.rows();
  const Compiled& compiled = state_->execution->compiled(
      {Mode::train, batch, data->prepared.x.dtype(), data->prepared.kind});
  state_->execution->upload_weights();
  compiled->bind(data->feed(0));
  Tally tally(state_->loss->classification());
  state_->train(*compiled.executable, 1, batch, tally);
  return tally.mean();
} catch (const std::bad_alloc&) {
  throw_allocation_failed("running a step");
}

Evaluation Trainer::evaluate(const Tensor& x, const Tensor& y, std::int64_t batch_size) try {
  require_positive(batch_size, "the batch size");
  const Uploaded data(state_->execution->backend(), state_->prepare(x, y, ""));
  return state_->evaluate(data, batch_size);
} catch (const std::bad_alloc&) {
  throw_allocation_failed("evaluating");
}

Tensor Trainer::predict(const Tensor& x) try {
  const Uploaded data(state_->execution->backend(),
                      {.x = prepare_features(x, "x", state_->model), .target = {}});
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
  const Compiled& compiled = state_->execution->compiled(
      {Mode::predict, batch, data.prepared.x.dtype(), TargetKind::none});
  state_->execution->upload_weights();
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
    prepare_features(Tensor::view(features, {1, size}), "x", state.model);  // throws
  }
  if (state.row.executable == nullptr) {
    state.row_output.resize(static_cast<std::size_t>(state.model.outputs()));
    state.row_input =
        state.execution->backend().upload(features.data(), DType::f32, 1, state.model.inputs());
    state.row = state.execution->compile({Mode::predict, 1, DType::f32, TargetKind::none});
  }
  state.execution->upload_weights();
  state.row_input->assign(features.data());
  state.row->bind({.x = state.row_input.get(), .target = nullptr, .rows = 1});
  state.row->run(1);
  state.row->wait();
  state.row->read(state.row.output, state.row_output);
  return state.row_output;
} catch (const std::bad_alloc&) {
  throw_allocation_failed("predicting");
}

float Trainer::learning_rate() const noexcept { return state_->execution->learning_rate(); }

void Trainer::set_learning_rate(float rate) {
  if (!std::isfinite(rate) || rate <= 0.0F) {
    throw InvalidArgument({.code = "MN-U01",
                           .what = cat("a learning rate of ", rate, " cannot be set."),
                           .remedy = "give a positive number",
                           .effect = cat("it stays ", state_->execution->learning_rate())});
  }
  state_->execution->set_learning_rate(rate);
}

std::int64_t Trainer::steps() const noexcept { return state_->execution->steps(); }
const Device& Trainer::device() const noexcept { return state_->execution->device(); }
const RunReport& Trainer::report() const noexcept { return state_->report; }

MemoryPlan Trainer::memory_plan(std::int64_t batch_size, DType x) const {
  require_positive(batch_size, "the batch size");
  const TargetKind kind = usual_target(*state_->loss, state_->model);
  return state_->execution->backend().plan(
      state_->execution->program({Mode::train, batch_size, x, kind}));
}

std::string Trainer::summary(std::int64_t batch_size) const {
  return cat(state_->model.summary(), "memory on ", device().info().name, " with batch ",
             batch_size, ": ", memory_plan(batch_size).str(), free_text(device().memory()), "\n");
}

std::string Trainer::explain(std::int64_t batch_size, DType x) try {
  require_positive(batch_size, "the batch size");
  const TargetKind kind = usual_target(*state_->loss, state_->model);
  return state_->execution->compiled({Mode::train, batch_size, x, kind})->explain();
} catch (const std::bad_alloc&) {
  throw_allocation_failed("compiling");
}

}  // namespace minnow
