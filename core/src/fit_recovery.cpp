// What FitRun does when memory, device or numbers fail.

#include <minnow/base/text.h>

#include <algorithm>
#include <utility>

#include "fit_run.h"

namespace minnow {
namespace {

constexpr std::int64_t kMostRollbacks = 3;

std::string steps_text(std::int64_t count) { return cat(count, count == 1 ? " step" : " steps"); }

/// `error` with other parts, as the type that it is.
std::exception_ptr with(const Error& error, Failure failure) {
  if (const auto* memory = dynamic_cast<const ResourceExhausted*>(&error)) {
    return std::make_exception_ptr(ResourceExhausted(std::move(failure), memory->needed_bytes(),
                                                     memory->free_bytes(), memory->alternatives()));
  }
  if (const auto* device = dynamic_cast<const DeviceError*>(&error)) {
    return std::make_exception_ptr(
        DeviceError(std::move(failure), device->call(), device->status(), device->lost()));
  }
  return std::make_exception_ptr(DeviceUnavailable(std::move(failure)));
}

}  // namespace

// Where the device still works its optimizer state goes back as well.
void FitRun::restore_for_good(const RestorePoint& saved) {
  try {
    state_.device_model->restore(saved.snapshot);
  } catch (const Error&) {
    state_.store->replace(saved.snapshot.parameters);
  }
}

void FitRun::give_up(const Error& error) {
  Failure failure = error.failure();
  const std::int64_t steps = state_.device_model->steps();
  if (in_flight_ || to_restore_ != nullptr) {
    if (last_) {
      restore_for_good(*last_);
      const std::int64_t lost = std::max<std::int64_t>(steps - last_->snapshot.steps, 0);
      failure.effect = cat("the model keeps the weights after step ", last_->snapshot.steps,
                           lost == 0 ? "" : cat("; ", steps_text(lost), " lost"));
    } else {
      if (state_.device_model->device().health()) state_.store->forget_holder();
      failure.effect =
          "no snapshot was wanted: the model keeps the weights that were read from the device last";
    }
  } else if (steps > steps_before_) {
    failure.effect = cat("the model keeps the weights after step ", steps);
  }
  throw EndOfFit{with(error, std::move(failure))};
}

Workload FitRun::workload() const {
  Workload workload{.rows = data_.train.rows(),
                    .batch = batch_,
                    .slice = slice_,
                    .x = data_.train.x.dtype(),
                    .target = data_.train.kind};
  if (data_.validation) {
    workload.validation_rows = data_.validation->rows();
    workload.validation_batch = validation_batch_;
    workload.validation_x = data_.validation->x.dtype();
  }
  return workload;
}

// A fit that was seen to fit is not planned again: a short one takes less time than its plan.
void FitRun::check_memory() {
  RunReport& report = state_.report;
  DeviceModel& device_model = *state_.device_model;
  const Workload workload = this->workload();
  if (state_.planned && state_.planned->workload == workload) {
    report.needed = state_.planned->plan;
    return;
  }
  report.needed = plan_memory(device_model, workload);
  const std::int64_t total = report.needed.total();
  if (state_.planned && total <= state_.planned->most) {
    state_.planned = PlannedWorkload{workload, report.needed, state_.planned->most};
    return;
  }
  std::int64_t bytes = available(device_model);
  const auto fits = [&] { return bytes < 0 || total <= bytes; };
  if (!fits()) {
    state_.free_memory();
    bytes = available(device_model);
  }
  if (fits()) {
    state_.planned = PlannedWorkload{workload, report.needed, total};
    return;
  }
  try {
    throw_does_not_fit(device_model, workload, report.needed, bytes);
  } catch (const ResourceExhausted& error) {
    Failure failure = error.failure();
    if (options_.microbatch == kMicrobatchAuto && error.alternatives().microbatch > 0) {
      slice_ = report.microbatch = error.alternatives().microbatch;
      failure.remedy.clear();
      failure.effect = cat("it goes through in slices of ", slice_, " rows; batch stays ", batch_);
      announce(std::move(failure));
      check_memory();
      return;
    }
    if (to_restore_ == nullptr && device_model.steps() > 0) save_or_go_back();
    failure.effect = "training on the CPU";
    if (!move_to_fallback(std::move(failure))) give_up(error);
    check_memory();
  }
}

void FitRun::recover(const std::exception_ptr& trouble) {
  try {
    std::rethrow_exception(trouble);
  } catch (const NumericError& error) {
    roll_back(error);
  } catch (const ResourceExhausted& error) {
    make_room(error);
  } catch (const DeviceError& error) {
    replace_device(error);
  } catch (const DeviceUnavailable& error) {
    replace_device(error);
  } catch (...) {
    throw EndOfFit{std::current_exception()};
  }
}

void FitRun::make_room(const ResourceExhausted& error) {
  const std::int64_t at = step();
  if (in_flight_ && !go_back()) give_up(error);
  RunReport& report = state_.report;
  state_.free_memory();
  if (!retried_) {
    retried_ = true;
    ++report.retries;
    return;
  }
  if (doing_ == Doing::validating && validation_batch_ > 1) {
    validation_batch_ = (validation_batch_ + 1) / 2;
    ++report.retries;
    return;
  }
  Failure failure = error.failure();
  const std::string& name = state_.device_model->device().info().name;
  const std::int64_t rows = slice_ > 0 ? slice_ : batch_;
  if (doing_ == Doing::stepping && options_.microbatch != kMicrobatchOff && rows > 1) {
    const std::int64_t bytes = available(*state_.device_model);
    const std::int64_t uploaded = train_ ? report.needed.data : 0;  // planned, and held already
    const std::int64_t fitting =
        bytes < 0 ? (rows + 1) / 2
                  : fitting_slice(*state_.device_model, workload(), bytes + uploaded);
    if (fitting > 0) {
      slice_ = report.microbatch = fitting;
      retried_ = false;
      failure.what =
          cat("out of memory on ", name, " at step ", at, "; continuing with micro-batches of ",
              slice_, " (batch stays ", batch_, ").");
      failure.remedy.clear();
      failure.effect = "nothing lost";
      announce(std::move(failure));
      return;
    }
  }
  if (to_restore_ == nullptr && state_.device_model->steps() > 0) save_or_go_back();
  failure.what = cat("out of memory on ", name, " at step ", at, "; continuing on the CPU.");
  failure.remedy.clear();
  failure.effect = "nothing lost";
  if (!move_to_fallback(std::move(failure))) give_up(error);
}

void FitRun::replace_device(const Error& error) {
  const auto* failed = dynamic_cast<const DeviceError*>(&error);
  const std::int64_t at = step();
  if (in_flight_ || (failed != nullptr && failed->lost())) {
    if (!go_back() && at > 1) give_up(error);
  } else if (at > 1 && to_restore_ == nullptr) {
    save_or_go_back();  // it works, but for what it refused
  }
  const std::int64_t from = last_ ? last_->snapshot.steps : 0;
  const std::int64_t repeated = std::max<std::int64_t>(at - 1 - from, 0);
  Failure failure = error.failure();
  if (failed != nullptr) {
    failure.what = cat(failed->lost() ? "the GPU stopped working for this process at step "
                                      : "the GPU refused a call at step ",
                       at, "; continuing on the CPU from step ", from, ".");
  }
  failure.effect = repeated == 0 ? "training on the CPU; nothing lost"
                                 : cat(steps_text(repeated), " recomputed; nothing else lost");
  if (!move_to_fallback(std::move(failure))) give_up(error);
}

void FitRun::roll_back(const NumericError& error) {
  in_flight_ = false;  // the step that failed and those after it changed nothing
  RunReport& report = state_.report;
  if (!good_ || report.rollbacks == kMostRollbacks) throw EndOfFit{std::make_exception_ptr(error)};
  ++report.rollbacks;
  const float rate = state_.device_model->learning_rate() / 2;
  report.repeated_steps += step() - 1 - good_->snapshot.steps;
  good_->snapshot.learning_rate = rate;
  to_restore_ = &good_->snapshot;
  last_.reset();  // it leads to the same place; make_ready() takes another one
  const std::int64_t from = good_->cursor.epoch - 1;
  const std::int64_t epoch = cursor_.epoch;
  const EpochJudge judge = cursor_.judge;
  cursor_ = Cursor(state_.loss->classification(), judge);
  cursor_.epoch = epoch;
  Failure failure = error.failure();
  failure.remedy.clear();
  failure.effect =
      cat("rolled back to the ", from == 0 ? "first weights" : cat("weights after epoch ", from),
          "; learning rate now ", rate, "; epoch ", epoch, " starts again (rollback ",
          report.rollbacks, " of ", kMostRollbacks, ")");
  announce(std::move(failure));
}

// Of a device that is about to be left: its state as it is, or where even that cannot be had, the
// last one that was.
void FitRun::save_or_go_back() {
  try {
    save_last();
  } catch (const Error&) {
    if (!go_back()) throw;
  }
}

bool FitRun::go_back() {
  if (!last_) return false;
  state_.report.repeated_steps +=
      std::max<std::int64_t>(state_.device_model->steps() - last_->snapshot.steps, 0);
  cursor_ = last_->cursor;
  to_restore_ = &last_->snapshot;
  return true;
}

void FitRun::require_room_on(const Device& other, const Failure& why) {
  const DeviceModel trial(state_.model, state_.store, state_.loss, state_.optimizer, other,
                          state_.device_model->learning_rate(), state_.fuse);
  const MemoryState memory = other.memory();
  const MemoryPlan plan = plan_memory(trial, workload());
  if (memory.free < 0 || plan.total() <= memory.free) return;
  give_up(ResourceExhausted(
      {.code = "MN-M10",
       .what = cat(state_.device_model->device().info().name, " cannot go on, and ",
                   other.info().name, " has too little memory to take over."),
       .evidence = cat(why.what, " ", why.evidence, "; ", other.info().name, " needs ",
                       format_bytes(plan.total()), ", free ", format_bytes(memory.free), " (",
                       memory.evidence, ")"),
       .remedy = "a smaller batch or slices (microbatch)"},
      plan.total(), memory.free, {.needed = plan}));
}

bool FitRun::move_to_fallback(Failure failure) {
  const auto open = state_.device_model->device().fallback();
  if (!open) return false;
  const Device other = open();
  slice_ = slice_rows(batch_, options_.microbatch);
  require_room_on(other, failure);
  RunReport& report = state_.report;
  report.microbatch = slice_;
  report.fallback = RunReport::Fallback{failure, doing_ == Doing::preparing ? 0 : step()};
  if (last_) to_restore_ = &last_->snapshot;
  train_.reset();
  validation_.reset();
  state_.move_to(other);
  retried_ = false;
  in_flight_ = false;
  announce(std::move(failure));
  return true;
}

}  // namespace minnow
