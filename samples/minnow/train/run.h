#pragma once

/// What is known about a training run: filled in as it goes, shown by report.h and json_lines.h.

#include <minnow/trainer.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace minnow::command {

struct Run {
  // Before the first step.
  std::string device_requested = {};
  std::string device_used = {};  // empty: none was opened
  std::string device_description = {};
  std::string device_skipped = {};  // why no better device was taken
  std::string device_skipped_code = {};
  std::string precision = {};  // "fp32"
  std::uint64_t seed = 0;
  std::string data = {};      // "fashion-mnist"
  std::string features = {};  // "28x28 -> 784, scaled by 1/255"
  std::int64_t train_rows = 0;
  std::int64_t validation_rows = 0;
  std::int64_t test_rows = 0;
  std::string layers = {};
  std::int64_t parameters = 0;
  std::string optimizer = {};  // "adam lr=0.001 ..."
  std::string preset = {};     // "keras", "torch"; empty where there is one form only
  std::string loss = {};
  bool squared = false;  // the loss: its root is told, too
  std::int64_t epochs = 0;
  std::int64_t batch = 0;
  bool keeps_best = false;     // early stopping: the weights are those of the best epoch
  std::string reference = {};  // what others reach on the test rows, with "+-"
  std::string ending = {};     // a last line for a person

  // After the last one.
  History history = {};
  std::vector<std::string> files = {};  // that were written
  RunReport report = {};
  std::int64_t steps = 0;  // done
  std::optional<Evaluation> test = {};
  double load_seconds = 0;
  double test_seconds = 0;
  bool interrupted = false;
  std::string out = {};    // the model file; empty while there is none
  bool not_saved = false;  // it was to be, and could not

  std::int64_t steps_per_epoch() const { return batch == 0 ? 0 : (train_rows + batch - 1) / batch; }
  std::int64_t planned_steps() const { return epochs * steps_per_epoch(); }
};

/// Of a proportion that was counted over `rows` rows: sqrt(p (1 - p) / n).
double accuracy_error(double accuracy, std::int64_t rows);

struct RootMeanSquare {
  double value = 0;
  double error = 0;
};
/// The square root of a mean squared error; its standard error to first order, se / (2 rmse).
RootMeanSquare root_mean_square(const Evaluation& evaluation);

/// VmHWM in bytes: the most memory that this process had; 0 where /proc does not say.
std::int64_t peak_memory();

}  // namespace minnow::command
