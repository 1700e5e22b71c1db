#pragma once

#include <minnow/backend.h>
#include <minnow/trainer.h>

#include <cstdint>

namespace minnow {

/// Sums up step results to means and their standard errors.
class Tally {
 public:
  explicit Tally(bool classification) : classification_(classification) {}
  void add(const StepResult& result, std::int64_t rows);
  Evaluation mean() const;

 private:
  bool classification_;
  std::int64_t rows_ = 0;
  std::int64_t batches_ = 0;
  std::int64_t correct_ = 0;
  double weighted_loss_ = 0;
  double batch_loss_ = 0;  // sums over batches, for the spread
  double batch_loss_squares_ = 0;
};

}  // namespace minnow
