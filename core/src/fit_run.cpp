#include "fit_run.h"

#include <minnow/base/allocation_failure.h>

#include <algorithm>
#include <utility>

namespace minnow {
namespace {

// Each recovery takes something away that another one needs; this is for a device that fails in a
// new way each time.
constexpr int kMostRecoveries = 100;

std::exception_ptr out_of_memory() {
  try {
    throw_allocation_failed("training");
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace

bool EpochJudge::is_best(double loss) {
  const double delta = rule_ ? rule_->min_delta : 0.0;
  const bool better = loss < best_ - delta;
  waited_ = better ? 0 : waited_ + 1;
  if (better) best_ = loss;
  return better;
}

void Pace::took(std::int64_t count, double seconds) {
  const double per_step = seconds / static_cast<double>(count);
  steps_ = static_cast<std::int64_t>(std::clamp(0.01 / std::max(per_step, 1e-9), 1.0, 4096.0));
}

FitRun::FitRun(Trainer::State& state, FitData data, const FitOptions& options)
    : state_(state),
      options_(options),
      data_(std::move(data)),
      batch_(std::min(options.batch_size, data_.train.rows())),
      batches_((data_.train.rows() + batch_ - 1) / batch_),
      slice_(slice_rows(batch_, options.microbatch)),
      steps_before_(state.device_model->steps()),
      epochs_before_(state.epochs),
      cursor_(state.loss->classification(), EpochJudge(options.early_stopping)),
      pace_(static_cast<bool>(options.on_batch_end)) {
  state_.report = {};
  state_.report.device_requested = state_.device_model->device().requested();
  state_.report.microbatch = slice_;
}

History FitRun::run() {
  std::exception_ptr trouble;
  for (int recoveries = 0;; ++recoveries) {
    try {
      if (trouble) recover(std::exchange(trouble, nullptr));
      return run_epochs();
    } catch (const EndOfFit& final) {
      std::rethrow_exception(final.error);
    } catch (const Error&) {
      trouble = std::current_exception();
    } catch (const std::bad_alloc&) {
      trouble = out_of_memory();
    }
    if (recoveries == kMostRecoveries) std::rethrow_exception(trouble);
  }
}

History FitRun::run_epochs() {
  doing_ = Doing::preparing;
  make_ready();
  if (!start_) start_ = Clock::now();
  // After a recovery the epochs may be over already.
  while (cursor_.epoch <= options_.epochs && !cursor_.judge.stop()) {
    while (cursor_.batches < batches_) {
      if (options_.stop.stop_requested()) return finish(FitEnd::stopped);
      save_if_due(train_batches());
      report_batch();
    }
    end_epoch();
  }
  return finish(cursor_.judge.stop() ? FitEnd::early_stopping : FitEnd::completed);
}

void FitRun::make_ready() {
  if (!train_) check_memory();
  if (to_restore_ != nullptr) {
    state_.device_model->restore(*to_restore_);
    to_restore_ = nullptr;
    in_flight_ = false;
  }
  if (!train_) {
    Backend& backend = state_.device_model->backend();
    std::optional<DeviceRows> validation;
    if (data_.validation) validation.emplace(backend, *data_.validation);
    train_.emplace(backend, data_.train);
    validation_ = std::move(validation);
  }
  if (tracked() && !last_) save_last();
  if (options_.on_not_finite == OnNotFinite::rollback && !good_) {
    save(good_, cursor_, std::numeric_limits<double>::infinity());
  }
}

std::int64_t FitRun::train_batches() {
  doing_ = Doing::stepping;
  const auto begin = Clock::now();
  DeviceModel& device_model = *state_.device_model;
  const std::int64_t rows = data_.train.rows();
  const std::int64_t first = cursor_.batches * batch_;
  const std::int64_t size = std::min(batch_, rows - first);  // the last may be partial
  const CompiledProgram& compiled = device_model.executable_for(
      {Mode::train, size, data_.train.x.dtype(), data_.train.kind, slice_rows(size, slice_)});
  device_model.upload_weights();
  Feed feed = train_->feed(first);
  feed.shuffle = options_.shuffle;
  feed.seed = state_.model.options().seed;
  const std::uint64_t epoch = epochs_before_ + static_cast<std::uint64_t>(cursor_.epoch);
  feed.epoch = epoch - 1;
  compiled->bind(feed);
  const std::int64_t count =
      std::min({(rows - first) / size, pace_.steps(), compiled->max_steps()});
  const auto start = Clock::now();
  in_flight_ = true;
  state_.train(*compiled.executable, count, size, cursor_.tally);
  in_flight_ = false;
  state_.epochs = epoch;  // used up by its first step, not by an attempt at it
  const auto end = Clock::now();
  pace_.took(count, std::chrono::duration<double>(end - start).count());
  cursor_.seconds += std::chrono::duration<double>(end - begin).count();
  cursor_.batches += count;
  history_.device_seconds += compiled->device_seconds();
  auto& devices = state_.report.steps_per_device;
  const std::string& name = device_model.device().info().name;
  if (devices.empty() || devices.back().device != name) devices.push_back({name, 0});
  devices.back().steps += count;
  state_.report.device_used = name;
  return count;
}

void FitRun::report_batch() {
  if (!options_.on_batch_end) return;
  const Evaluation so_far = cursor_.tally.mean();
  call(options_.on_batch_end, BatchResult{.epoch = cursor_.epoch,
                                          .batch = cursor_.batches,
                                          .batches = batches_,
                                          .loss = so_far.loss,
                                          .loss_error = so_far.loss_error,
                                          .accuracy = so_far.accuracy});
}

void FitRun::end_epoch() {
  EpochResult result{.epoch = cursor_.epoch,
                     .steps = batches_,
                     .seconds = cursor_.seconds,
                     .train = cursor_.tally.mean()};
  doing_ = Doing::validating;
  if (validation_) result.validation = state_.evaluate(*validation_, validation_batch_);
  Cursor next(state_.loss->classification(), cursor_.judge);
  next.epoch = cursor_.epoch + 1;
  result.best = next.judge.is_best(result.validation ? result.validation->loss : result.train.loss);
  const bool keep_best = options_.early_stopping && options_.early_stopping->restore_best_weights;
  if (result.best && keep_best) copy_values(state_.store->values(), best_weights_);
  if (good_ && result.train.loss < good_->loss) save(good_, next, result.train.loss);

  // Nothing from here on asks the device: the epoch is over, whatever comes.
  if (result.best) history_.best_epoch = cursor_.epoch;
  history_.epochs.resize(static_cast<std::size_t>(cursor_.epoch - 1));
  history_.epochs.push_back(result);
  cursor_ = next;
  if (options_.on_epoch_end) call(options_.on_epoch_end, result);
}

History FitRun::finish(FitEnd end) {
  history_.end = end;
  history_.steps = state_.device_model->steps() - steps_before_;
  history_.seconds = std::chrono::duration<double>(Clock::now() - *start_).count();
  if (end != FitEnd::stopped && !best_weights_.empty()) {
    state_.store->replace(best_weights_);
  } else if (tracked()) {
    state_.store->values();  // reads them back: the device may fail after this
  }
  state_.report.peak = state_.device_model->backend().peak_memory();
  return history_;
}

template <class Callback, class... Arguments>
void FitRun::call(const Callback& callback, const Arguments&... arguments) {
  try {
    callback(arguments...);
  } catch (...) {
    throw EndOfFit{std::current_exception()};
  }
}

void FitRun::announce(Failure failure) {
  state_.report.notices.push_back(failure);
  if (options_.on_notice) call(options_.on_notice, failure);
}

bool FitRun::tracked() const {
  const SnapshotOptions& wish = options_.snapshot;
  return state_.device_model->device().info().separate_memory &&
         (wish.steps > 0 || wish.seconds > 0);
}

void FitRun::save_if_due(std::int64_t steps) {
  if (!tracked()) return;
  unsaved_steps_ += steps;
  const SnapshotOptions& wish = options_.snapshot;
  const double waited = std::chrono::duration<double>(Clock::now() - saved_at_).count();
  const bool by_steps = wish.steps > 0 && unsaved_steps_ >= wish.steps;
  const bool by_time = wish.seconds > 0 && waited >= std::max(wish.seconds, 100 * saving_seconds_);
  if (by_steps || by_time) save_last();
}

void FitRun::save_last() {
  const auto start = Clock::now();
  save(last_, cursor_, 0);
  saved_at_ = Clock::now();
  saving_seconds_ = std::chrono::duration<double>(saved_at_ - start).count();
  unsaved_steps_ = 0;
  ++state_.report.snapshots;
  state_.report.snapshot_seconds += saving_seconds_;
}

// Into a spare one, because the device may fail in the middle of it.
void FitRun::save(std::optional<RestorePoint>& into, const Cursor& cursor, double loss) {
  Snapshot fresh = std::move(spare_);
  state_.device_model->save(fresh);
  spare_ = into ? std::move(into->snapshot) : Snapshot{};
  into.emplace(RestorePoint{std::move(fresh), cursor, loss});
}

}  // namespace minnow
