#pragma once

/// Trains a Model on a device. Defaults are Keras's: batch 32, shuffled each epoch, the epoch's
/// loss is the mean over its samples.
///
///     minnow::Trainer trainer(model, minnow::mse(), minnow::adam(), minnow::open("auto"));
///     auto history = trainer.fit(x, y, {.epochs = 2, .batch_size = 32});
///     auto y_hat   = trainer.predict(x);
///
/// x is (rows, ...) with model.inputs() numbers per row, f32 or u8. y is (rows, ...) f32 with
/// model.outputs() numbers per row, or, for a loss over classes, integer labels (rows) or (rows,
/// 1). All data is checked before the first step. One thread at a time; only `stop` crosses
/// threads.
///
/// Memory that cannot be had ends in ResourceExhausted; the weights are then those after the last
/// complete step. std::bad_alloc comes only where there is none for the message either.

#include <minnow/backend.h>
#include <minnow/export.h>
#include <minnow/layer.h>
#include <minnow/model.h>
#include <minnow/run_report.h>
#include <minnow/tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace minnow {

/// Means over samples; `..._error` is the standard error. Accuracy is empty for a regression.
struct Evaluation {
  double loss = 0;
  double loss_error = 0;
  std::optional<double> accuracy = {};
  std::int64_t rows = 0;
};

struct EpochResult {
  std::int64_t epoch = 0;  // from 1
  std::int64_t steps = 0;
  double seconds = 0;  // training alone, without validation
  Evaluation train = {};
  std::optional<Evaluation> validation = {};
  bool best = false;  // lowest validation loss so far (training loss without validation)
};

struct BatchResult {
  std::int64_t epoch = 0;  // from 1
  std::int64_t batch = 0;  // from 1
  std::int64_t batches = 0;
  double loss = 0;  // mean over the epoch so far
  double loss_error = 0;
  std::optional<double> accuracy = {};
};

struct EarlyStopping {
  std::int64_t patience = 0;  // epochs without improvement that are let pass
  double min_delta = 0;
  bool restore_best_weights = true;
};

/// Copies of weights and optimizer state on the host, for a device with a memory of its own: where
/// training goes on, or what is kept, when that device fails. The first is taken when a fit starts,
/// so that many short fits may want none. Both 0: none.
struct SnapshotOptions {
  std::int64_t steps = 0;  // between two copies; 0: by time alone
  /// Between two copies, and at least a hundred times what the last one took; 0: by steps alone.
  double seconds = 1;
};

/// When the loss or a gradient stops being finite: throw NumericError, or go back to the weights
/// after the best epoch so far, halve the learning rate and repeat the epoch, three times at most.
enum class OnNotFinite : std::uint8_t { stop, rollback };

/// Values of FitOptions::microbatch beside a number of rows.
inline constexpr std::int64_t kMicrobatchAuto = -1;
inline constexpr std::int64_t kMicrobatchOff = -2;

struct FitOptions {
  std::int64_t epochs = 1;
  std::int64_t batch_size = 32;
  bool shuffle = true;
  /// The last rows of x and y, taken before shuffling, as Keras does. 0 <= split < 1.
  double validation_split = 0;
  Tensor validation_x = {};  // instead of a split
  Tensor validation_y = {};
  std::optional<EarlyStopping> early_stopping = {};
  /// Rows that go through the device at once. The gradients of a batch's slices are summed, so the
  /// batch, its loss and its one update stay what they are, up to the order of sums.
  /// 0: whole batches, and slices only when memory runs out in the middle. kMicrobatchAuto: also
  /// from the start when a batch does not fit. kMicrobatchOff: never.
  std::int64_t microbatch = 0;
  SnapshotOptions snapshot = {};
  OnNotFinite on_not_finite = OnNotFinite::stop;
  /// What went wrong and how training goes on all the same. Epochs since the last snapshot are then
  /// reported once more.
  std::function<void(const Failure&)> on_notice = {};
  std::function<void(const BatchResult&)> on_batch_end = {};
  std::function<void(const EpochResult&)> on_epoch_end = {};
  /// Another thread may request a stop: fit returns between two batches, within some 10 ms (after
  /// the batch in flight with on_batch_end), and keeps the weights as they are.
  std::stop_token stop = {};
};

enum class FitEnd : std::uint8_t { completed, early_stopping, stopped };

struct History {
  std::vector<EpochResult> epochs = {};
  std::int64_t best_epoch = 0;  // from 1; 0 when no epoch ended
  std::int64_t steps = 0;
  double seconds = 0;
  double device_seconds = 0;  // of them, how long the device ran training steps
  FitEnd end = FitEnd::completed;
};

struct TrainerOptions {
  bool fuse = true;  // off: every op alone, the reference
};

class MINNOW_API Trainer {
 public:
  /// `model` must outlive the trainer and may not be moved meanwhile.
  /// Takes no memory on the device. @throws InvalidArgument when loss and model do not fit.
  Trainer(Model& model, LossPtr loss, OptimizerPtr optimizer, Device device,
          TrainerOptions options = {});
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// With a device from open("auto"), a GPU that fails is replaced by the CPU, and report() says
  /// so.
  /// @throws ShapeError, InvalidArgument (label, NaN, empty data, zero epochs or batch) before the
  /// first step; ResourceExhausted before the first step with what would fit, later only after
  /// everything that could be done was done; NumericError when the loss stops being finite, with
  /// the last good weights kept; DeviceError, with the weights of the last snapshot kept.
  History fit(const Tensor& x, const Tensor& y, const FitOptions& options = {});
  /// One update from one batch: online learning. Throws as fit does.
  Evaluation step(const Tensor& x, const Tensor& y);
  Evaluation evaluate(const Tensor& x, const Tensor& y, std::int64_t batch_size = 1024);

  /// (rows, outputs).
  Tensor predict(const Tensor& x);
  /// One row. Allocates nothing after the first call; the span is valid until the next call.
  std::span<const float> predict_row(std::span<const float> features);

  float learning_rate() const noexcept;
  /// Also between epochs and batches, from a callback. @throws InvalidArgument unless finite, > 0.
  void set_learning_rate(float rate);
  /// Updates done by this trainer.
  std::int64_t steps() const noexcept;

  /// Where it runs now.
  const Device& device() const noexcept;
  /// Of the last fit, also of one that threw.
  const RunReport& report() const noexcept;
  /// What training with this batch size holds on the device; allocates nothing.
  MemoryPlan memory_plan(std::int64_t batch_size, DType x = DType::f32) const;
  /// The model's table and the memory plan.
  std::string summary(std::int64_t batch_size) const;
  /// What the training step became on the device.
  std::string explain(std::int64_t batch_size, DType x = DType::f32);

 private:
  friend class FitRun;
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace minnow
