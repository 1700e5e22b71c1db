#include <minnow/error.h>
#include <minnow/trainer.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "guard_allocation.h"
#include "text.h"
#include "trainer_state.h"

namespace minnow {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void check(const FitOptions& options) {
  require_positive(options.epochs, "the number of epochs");
  require_positive(options.batch_size, "the batch size");
  const auto refuse = [](std::string what, std::string remedy) {
    throw InvalidArgument({.code = "MN-U01",
                           .what = std::move(what),
                           .evidence = {},
                           .remedy = std::move(remedy),
                           .effect = "nothing was run"});
  };
  if (!(options.validation_split >= 0.0 && options.validation_split < 1.0)) {
    refuse(cat("the validation split is ", options.validation_split, "."),
           "give 0 or more and less than 1");
  }
  if (options.early_stopping &&
      (options.early_stopping->patience < 0 || !(options.early_stopping->min_delta >= 0.0))) {
    refuse("early stopping has a negative patience or min_delta.", "give 0 or more");
  }
}

/// The rows that train and the rows that validate.
struct Split {
  Tensor x;
  Tensor y;
  Tensor validation_x;
  Tensor validation_y;
};

Split split(const Tensor& x, const Tensor& y, const FitOptions& options) {
  Split parts{x, y, options.validation_x, options.validation_y};
  if (options.validation_split == 0.0 || !parts.validation_x.empty()) return parts;
  const std::int64_t rows = x.shape().rows();
  if (x.shape().rank() == 0 || y.shape().rank() == 0 || y.shape().rows() != rows) {
    return parts;  // which is told when the data is checked
  }
  // Keras: floor(rows * (1 - split)) rows train, the last ones validate.
  const auto kept = static_cast<std::int64_t>(
      std::floor(static_cast<double>(rows) * (1.0 - options.validation_split)));
  if (kept < 1 || kept >= rows) {
    throw InvalidArgument(
        {.code = "MN-N07",
         .what = cat("a validation split of ", options.validation_split, " of ", rows,
                     " rows leaves ", kept, " for training and ", rows - kept, " for validation."),
         .evidence = {},
         .remedy = "give more rows or another split",
         .effect = "nothing was run"});
  }
  return {x.rows(0, kept), y.rows(0, kept), x.rows(kept, rows), y.rows(kept, rows)};
}

/// Decides after each epoch whether it was the best and whether to go on.
class EpochJudge {
 public:
  explicit EpochJudge(const std::optional<EarlyStopping>& rule) : rule_(rule) {}

  bool is_best(double loss) {
    const double delta = rule_ ? rule_->min_delta : 0.0;
    const bool better = loss < best_ - delta;
    waited_ = better ? 0 : waited_ + 1;
    if (better) best_ = loss;
    return better;
  }
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
  void took(std::int64_t count, double seconds) {
    const double per_step = seconds / static_cast<double>(count);
    steps_ = static_cast<std::int64_t>(std::clamp(0.01 / std::max(per_step, 1e-9), 1.0, 4096.0));
  }

 private:
  bool every_step_;
  std::int64_t steps_ = 8;
};

}  // namespace

History Trainer::fit(const Tensor& x, const Tensor& y, const FitOptions& options) try {
  check(options);
  State& state = *state_;
  const Split parts = split(x, y, options);
  const Uploaded data(state.execution.backend(), state.prepare(parts.x, parts.y, ""));
  std::optional<Uploaded> validation;
  if (!parts.validation_x.empty() || !parts.validation_y.empty()) {
    validation.emplace(state.execution.backend(),
                       state.prepare(parts.validation_x, parts.validation_y, " (validation)"));
  }
  const std::int64_t rows = data.prepared.rows();
  const std::int64_t batch = std::min(options.batch_size, rows);
  const std::int64_t batches = (rows + batch - 1) / batch;
  const bool classification = state.loss->classification();

  History history;
  EpochJudge judge(options.early_stopping);
  Pace pace(static_cast<bool>(options.on_batch_end));
  std::vector<Tensor> best_weights;
  const bool keep_best = options.early_stopping && options.early_stopping->restore_best_weights;
  const std::int64_t steps_before = steps();
  const auto start = Clock::now();
  const auto finish = [&](FitEnd end) {
    history.end = end;
    history.steps = steps() - steps_before;
    history.seconds = seconds_since(start);
    if (keep_best && end != FitEnd::stopped && !best_weights.empty()) {
      for (std::size_t slot = 0; slot < best_weights.size(); ++slot) {
        state.store->set(static_cast<int>(slot), best_weights[slot]);
      }
    }
    return history;
  };

  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    const auto epoch_start = Clock::now();
    Tally tally(classification);
    const std::uint64_t shuffle_epoch = state.epochs++;
    state.execution.upload_weights();
    for (std::int64_t done = 0; done < batches;) {
      if (options.stop.stop_requested()) return finish(FitEnd::stopped);
      const std::int64_t size = std::min(batch, rows - done * batch);  // the last may be partial
      const Compiled& compiled = state.execution.compiled(
          {Mode::train, size, data.prepared.x.dtype(), data.prepared.kind});
      Feed feed = data.feed(done * batch);
      feed.shuffle = options.shuffle;
      feed.seed = state.model.options().seed;
      feed.epoch = shuffle_epoch;
      compiled->bind(feed);
      const std::int64_t count =
          std::min({(rows - done * batch) / size, pace.steps(), compiled->max_steps()});
      const auto run_start = Clock::now();
      state.train(*compiled.executable, count, size, tally);
      history.device_seconds += compiled->device_seconds();
      pace.took(count, seconds_since(run_start));
      done += count;
      if (options.on_batch_end) {
        const Evaluation so_far = tally.mean();
        options.on_batch_end({.epoch = epoch,
                              .batch = done,
                              .batches = batches,
                              .loss = so_far.loss,
                              .loss_error = so_far.loss_error,
                              .accuracy = so_far.accuracy});
      }
    }
    EpochResult result{.epoch = epoch,
                       .steps = batches,
                       .seconds = seconds_since(epoch_start),
                       .train = tally.mean()};
    if (validation) result.validation = state.evaluate(*validation, 1024);
    result.best = judge.is_best(validation ? result.validation->loss : result.train.loss);
    if (result.best) {
      history.best_epoch = epoch;
      if (keep_best) {
        best_weights.clear();
        for (const Tensor& values : state.store->values()) best_weights.push_back(values.clone());
      }
    }
    history.epochs.push_back(result);
    if (options.on_epoch_end) options.on_epoch_end(result);
    if (judge.stop()) return finish(FitEnd::early_stopping);
  }
  return finish(FitEnd::completed);
} catch (const std::bad_alloc&) {
  throw_allocation_failed("training");
}

}  // namespace minnow
