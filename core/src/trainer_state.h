#pragma once

#include <minnow/trainer.h>

#include <memory>
#include <optional>
#include <vector>

#include "check_data.h"
#include "execution.h"
#include "fit_memory.h"

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

/// Prepared data on the device.
struct Uploaded {
  Uploaded(Backend& backend, Prepared data);
  Feed feed(std::int64_t position) const;
  /// Takes other data of the same size and type in place of its own; false when it is not.
  bool replace(const Prepared& data);

  Prepared prepared;
  std::unique_ptr<DeviceData> x;
  std::unique_ptr<DeviceData> target;
};

/// A fit that was seen to fit on the device.
struct Fitted {
  FitNeeds needs;
  MemoryPlan plan;
  std::int64_t most = 0;  // bytes of the largest one
};

class Trainer::State {
 public:
  State(Model& model, LossPtr loss, OptimizerPtr optimizer, const Device& device, bool fuse);
  /// Everything that lives on the device is made anew on another one; the weights are not copied.
  void move_to(const Device& device);
  /// Gives back what can be made again.
  void free_memory() noexcept;

  Prepared prepare(const Tensor& x, const Tensor& y, std::string_view suffix) const;
  Evaluation evaluate(const Uploaded& data, std::int64_t batch_size);
  /// `count` batches from the feed bound to `executable`, each added to the tally. @throws
  /// NumericError, with the norm of the gradients among its evidence.
  void train(Executable& executable, std::int64_t count, std::int64_t batch, Tally& tally);

  const Model& model;
  std::shared_ptr<ParameterStore> store;
  LossPtr loss;
  OptimizerPtr optimizer;
  bool fuse;
  std::unique_ptr<Execution> execution;
  RunReport report;
  std::optional<Fitted> fitted;
  std::uint64_t epochs = 0;           // of all fits: no two shuffle alike
  std::optional<Uploaded> step_data;  // kept for the next step() of the same size

  // predict_row's own program, so that it never waits for a compilation.
  Compiled row;
  std::unique_ptr<DeviceData> row_input;
  std::vector<float> row_output;
};

}  // namespace minnow
