#pragma once

/// A model on a device, and two ways to time its training step.

#include <minnow/trainer.h>

#include <vector>

#include "bench/measure.h"

namespace minnow::command {

class Subject {
 public:
  /// Steps read x and y batch after batch, and begin again at their end.
  Subject(const Device& device, const Setting& setting, Tensor x, Tensor y,
          const MeasureOptions& options);

  /// Seconds per step. @throws Stopped, as all of these do.
  double transfers(double seconds);
  struct Resident {
    double step = 0;
    double kernels = 0;
  };
  Resident resident(double seconds);

  void step();
  std::vector<Tensor> weights() const;

 private:
  void check_stop() const {
    if (stop_.stop_requested()) throw Stopped{};
  }

  Model model_;  // before the trainer, which refers to it
  Trainer trainer_;
  std::int64_t batch_;
  Tensor x_;
  Tensor y_;
  std::vector<Tensor> x_batches_;
  std::vector<Tensor> y_batches_;
  std::size_t next_ = 0;
  std::int64_t chunk_ = 1;        // steps between two looks at the clock
  std::int64_t epoch_steps_ = 1;  // of resident()
  double resident_step_ = 0;      // what it took last; 0: not known
  std::stop_token stop_;
};

}  // namespace minnow::command
