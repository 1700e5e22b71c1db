#pragma once

#include <minnow/backend.h>
#include <minnow/model.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "parameter_store.h"
#include "record.h"

namespace minnow {

/// A program on a device, and which of its values is the prediction.
struct CompiledProgram {
  std::unique_ptr<Executable> executable;
  ValueId output = kNoValue;

  Executable* operator->() const { return executable.get(); }
};

/// What training changes on a device, on the host.
struct Snapshot {
  std::vector<Tensor> parameters;
  std::vector<Tensor> states[2];  // of the optimizer; empty before the first step
  std::int64_t steps = 0;
  float learning_rate = 0;
};

/// A model on a device: the parameter arena, the compiled programs over it, and the exchange of
/// weights with the host.
class DeviceModel final : private ParameterStore::Holder {
 public:
  DeviceModel(const Model& model, std::shared_ptr<ParameterStore> store, LossPtr loss,
              OptimizerPtr optimizer, const Device& device, float learning_rate, bool fuse);
  ~DeviceModel() override;
  DeviceModel(const DeviceModel&) = delete;
  DeviceModel& operator=(const DeviceModel&) = delete;

  /// From the programs compiled so far, or a new one; valid until the next call of
  /// executable_for().
  const CompiledProgram& executable_for(const ProgramKey& key);
  CompiledProgram compile(const ProgramKey& key);
  Program program(const ProgramKey& key) const;

  /// Before a run: newer host weights go to the device.
  void upload_weights();
  /// After training steps: the device's weights are the newer ones.
  void mark_trained();

  /// Taken from the device when it is first needed.
  Arena& arena();
  std::int64_t steps() const noexcept { return arena_ == nullptr ? 0 : arena_->steps(); }
  void set_learning_rate(float rate);
  float learning_rate() const noexcept { return learning_rate_; }

  /// The device's weights and optimizer state; reuses the snapshot's memory.
  void save(Snapshot& snapshot);
  void restore(const Snapshot& snapshot);
  /// What executable_for() keeps; compiled again when it is needed.
  void drop_programs() noexcept { programs_.clear(); }

  const Model& model() const noexcept { return model_; }
  /// Of the arena, which stays when programs are dropped.
  std::int64_t held_bytes() const;
  Backend& backend() const { return device_.backend(); }
  const Device& device() const { return device_; }

 private:
  struct Entry {
    ProgramKey key;
    CompiledProgram compiled;
  };
  // Batches of many different sizes would otherwise collect programs without end.
  static constexpr std::size_t kMaxPrograms = 16;

  void pull(std::vector<Tensor>& values) override;

  const Model& model_;
  std::shared_ptr<ParameterStore> store_;
  LossPtr loss_;
  OptimizerPtr optimizer_;
  Device device_;
  float learning_rate_;
  bool fuse_;
  std::unique_ptr<Arena> arena_;
  std::vector<Entry> programs_;  // the most recently used last
  std::int64_t uploaded_version_ = -1;
};

}  // namespace minnow
