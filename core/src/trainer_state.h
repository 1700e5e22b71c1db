#pragma once

#include <minnow/trainer.h>

#include <memory>
#include <optional>
#include <vector>

#include "device_model.h"
#include "device_rows.h"
#include "fit_memory.h"
#include "tally.h"

namespace minnow {

/// A workload for which the device was seen to have room.
struct PlannedWorkload {
  Workload workload;
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

  Evaluation evaluate(const DeviceRows& data, std::int64_t batch_size);
  /// `count` batches from the feed bound to `executable`, each added to the tally. @throws
  /// NumericError, with the norm of the gradients among its evidence.
  void train(Executable& executable, std::int64_t count, std::int64_t batch, Tally& tally);

  const Model& model;
  std::shared_ptr<ParameterStore> store;
  LossPtr loss;
  OptimizerPtr optimizer;
  bool fuse;
  std::unique_ptr<DeviceModel> device_model;
  RunReport report;
  std::optional<PlannedWorkload> planned;
  std::uint64_t epochs = 0;             // of all fits: no two shuffle alike
  std::optional<DeviceRows> step_data;  // kept for the next step() of the same size

  // predict_row's own program, so that it never waits for a compilation.
  CompiledProgram row_program;
  std::unique_ptr<DeviceData> row_input;
  std::vector<float> row_output;
};

}  // namespace minnow
