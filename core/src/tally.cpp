#include "tally.h"

#include <algorithm>
#include <cmath>

namespace minnow {

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

}  // namespace minnow
