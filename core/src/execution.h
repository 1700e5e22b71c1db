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
struct Compiled {
  std::unique_ptr<Executable> executable;
  ValueId output = kNoValue;

  Executable* operator->() const { return executable.get(); }
};

/// A model on a device: the parameter arena, the compiled programs over it, and the exchange of
/// weights with the host.
class Execution final : private ParameterStore::Holder {
 public:
  Execution(const Model& model, std::shared_ptr<ParameterStore> store, LossPtr loss,
            OptimizerPtr optimizer, Device device, bool fuse);
  ~Execution() override;
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  /// From the programs compiled so far, or a new one; valid until the next call of compiled().
  const Compiled& compiled(const ProgramKey& key);
  Compiled compile(const ProgramKey& key);
  Program program(const ProgramKey& key) const;

  /// Before a run: newer host weights go to the device.
  void upload_weights();
  /// After training steps: the device's weights are the newer ones.
  void mark_trained();

  Arena& arena() const { return *arena_; }
  Backend& backend() const { return device_.backend(); }
  const Device& device() const { return device_; }

 private:
  struct Entry {
    ProgramKey key;
    Compiled compiled;
  };
  // Batches of many different sizes would otherwise collect programs without end.
  static constexpr std::size_t kMaxPrograms = 16;

  void pull(std::vector<Tensor>& values) override;

  const Model& model_;
  std::shared_ptr<ParameterStore> store_;
  LossPtr loss_;
  OptimizerPtr optimizer_;
  Device device_;
  bool fuse_;
  std::unique_ptr<Arena> arena_;
  std::vector<Entry> programs_;  // the most recently used last
  std::int64_t uploaded_version_ = -1;
};

}  // namespace minnow
