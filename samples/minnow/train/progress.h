#pragma once

/// What is seen while a model trains: a bar on a terminal, else a line for each epoch; with --json
/// an object for each epoch on standard output.

#include <minnow/trainer.h>

#include <chrono>
#include <vector>

#include "terminal/bar.h"
#include "terminal/terminal.h"
#include "train/run.h"

namespace minnow::command {

class Progress {
 public:
  Progress(Terminal& terminal, const Run& run);
  /// A bar that did not get to its end goes.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// False: batch() would show nothing, so it need not be called.
  bool wants_batches() const noexcept { return bar_; }
  void batch(const BatchResult& batch);
  void epoch(const EpochResult& epoch);
  /// Something went wrong, and training goes on.
  void notice(const Failure& failure);

 private:
  using Clock = std::chrono::steady_clock;

  void clear();
  void show(std::vector<Part> parts, double done);
  std::vector<Part> parts_of(const EpochResult& epoch) const;

  Terminal& terminal_;
  const Run& run_;
  bool bar_;
  bool shown_ = false;  // a bar stands in the line of the cursor
  Clock::time_point epoch_start_;
  Clock::time_point last_update_;
};

}  // namespace minnow::command
