#include <minnow/base/allocation_failure.h>
#include <minnow/base/text.h>
#include <minnow/error.h>
#include <minnow/trainer.h>

#include <cmath>
#include <utility>

#include "fit_run.h"

namespace minnow {
namespace {

void check(const FitOptions& options) {
  require_positive(options.epochs, "the number of epochs");
  require_positive(options.batch_size, "the batch size");
  const auto refuse = [](std::string what, std::string remedy) {
    throw InvalidArgument({.code = "MN-U01",
                           .what = std::move(what),
                           .remedy = std::move(remedy),
                           .effect = "nothing was run"});
  };
  if (options.microbatch < kMicrobatchOff) {
    refuse(cat("slices of ", options.microbatch, " rows cannot be made."),
           "give 1 or more, 0, kMicrobatchAuto or kMicrobatchOff");
  }
  if (options.snapshot.steps < 0 || !(options.snapshot.seconds >= 0.0)) {
    refuse("the interval of snapshots is negative.", "give 0 or more");
  }
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
         .remedy = "give more rows or another split",
         .effect = "nothing was run"});
  }
  return {x.rows(0, kept), y.rows(0, kept), x.rows(kept, rows), y.rows(kept, rows)};
}

}  // namespace

History Trainer::fit(const Tensor& x, const Tensor& y, const FitOptions& options) {
  check(options);
  const auto prepared = [&]() -> FitData {
    try {
      const Split parts = split(x, y, options);
      FitData data{check_rows(parts.x, parts.y, "", state_->model, *state_->loss), std::nullopt};
      if (!parts.validation_x.empty() || !parts.validation_y.empty()) {
        data.validation = check_rows(parts.validation_x, parts.validation_y, " (validation)",
                                     state_->model, *state_->loss);
      }
      return data;
    } catch (const std::bad_alloc&) {
      throw_allocation_failed("preparing the data");
    }
  };
  return FitRun(*state_, prepared(), options).run();
}

}  // namespace minnow
