#pragma once

#include <minnow/error.h>
#include <minnow/trainer.h>

#include <chrono>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "trainer_state.h"

namespace minnow {

/// Decides after each epoch whether it was the best and whether to go on.
class EpochJudge {
 public:
  explicit EpochJudge(const std::optional<EarlyStopping>& rule) : rule_(rule) {}
  bool is_best(double loss);
  bool stop() const { return rule_ && waited_ > rule_->patience; }

 private:
  std::optional<EarlyStopping> rule_;
  double best_ = std::numeric_limits<double>::infinity();
  std::int64_t waited_ = 0;
};

/// How many steps to run before looking up: one when each batch is reported, else about 10 ms.
class Pace {
 public:
  explicit Pace(bool every_step) : every_step_(every_step) {}
  std::int64_t steps() const { return every_step_ ? 1 : steps_; }
  void took(std::int64_t count, double seconds);

 private:
  bool every_step_;
  std::int64_t steps_ = 8;
};

/// Thrown to end the fit with `error`, from which nothing recovers: a callback threw it, or every
/// way to go on has been tried.
struct EndOfFit {
  std::exception_ptr error;
};

/// The rows that train and the rows that validate; validation is empty without any.
struct FitData {
  HostRows train;
  std::optional<HostRows> validation;
};

/// One call of Trainer::fit. run() -> run_epochs() -> train_batches() -> Trainer::State::train() ->
/// Executable::run() is the way of a batch; when something fails on it, recover() brings device and
/// cursor into a state from which run_epochs() can go on.
class FitRun {
 public:
  FitRun(Trainer::State& state, FitData data, const FitOptions& options);
  /// @throws what could not be mended, with the weights of the last snapshot in the model.
  History run();

 private:
  using Clock = std::chrono::steady_clock;

  /// Where training stands.
  struct Cursor {
    Cursor(bool classification, const EpochJudge& epoch_judge)
        : tally(classification), judge(epoch_judge) {}
    std::int64_t epoch = 1;
    std::int64_t batches = 0;  // done of the epoch
    double seconds = 0;        // of the epoch
    Tally tally;
    EpochJudge judge;
  };
  /// A state to which training can go back.
  struct RestorePoint {
    Snapshot snapshot;
    Cursor cursor;
    double loss;  // of the last whole epoch
  };
  enum class Doing : std::uint8_t { preparing, stepping, validating };

  // fit_run.cpp
  History run_epochs();
  void make_ready();
  std::int64_t train_batches();
  void report_batch();
  void end_epoch();
  History finish(FitEnd end);
  template <class Callback, class... Arguments>
  void call(const Callback& callback, const Arguments&... arguments);
  void announce(Failure failure);
  bool tracked() const;
  void save_if_due(std::int64_t steps);
  void save_last();
  void save(std::optional<RestorePoint>& into, const Cursor& cursor, double loss);

  // fit_recovery.cpp
  void check_memory();
  Workload workload() const;
  void recover(const std::exception_ptr& trouble);
  void make_room(const ResourceExhausted& error);
  void replace_device(const Error& error);
  void roll_back(const NumericError& error);
  void save_or_go_back();
  bool go_back();  // to the last snapshot; false without one
  bool move_to_fallback(Failure failure);
  /// Before `other` takes over; `why` is what ended the device before.
  void require_room_on(const Device& other, const Failure& why);
  void restore_for_good(const RestorePoint& saved);
  /// The step that was being done, counted from 1.
  std::int64_t step() const { return state_.device_model->steps() + 1; }
  /// @throws EndOfFit with `error`; the model keeps the weights of the last snapshot when the
  /// device cannot say newer ones.
  [[noreturn]] void give_up(const Error& error);

  Trainer::State& state_;
  const FitOptions& options_;
  FitData data_;
  std::int64_t batch_;
  std::int64_t batches_;
  std::int64_t validation_batch_ = 1024;
  std::int64_t slice_;
  std::optional<DeviceRows> train_;
  std::optional<DeviceRows> validation_;

  std::optional<Clock::time_point> start_;  // of the first step: after checks and uploads
  std::int64_t steps_before_;
  std::uint64_t epochs_before_;
  Cursor cursor_;
  History history_;
  Pace pace_;
  std::vector<Tensor> best_weights_;

  Doing doing_ = Doing::preparing;
  bool in_flight_ = false;  // the device may be anywhere between two snapshots
  bool retried_ = false;    // with the present slices and device
  std::int64_t unsaved_steps_ = 0;
  Clock::time_point saved_at_ = Clock::now();
  double saving_seconds_ = 0;         // of the last snapshot
  std::optional<RestorePoint> last_;  // where to go on when the device fails
  std::optional<RestorePoint> good_;  // where to go on when the numbers do
  Snapshot spare_;
  const Snapshot* to_restore_ = nullptr;
};

}  // namespace minnow
