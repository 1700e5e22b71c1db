#pragma once

#include <minnow/backend.h>

#include <memory>
#include <span>
#include <vector>

#include "context.h"
#include "kernels/kernels.h"
#include "layout.h"

namespace minnow::cuda {

class CudaArena final : public Arena {
 public:
  CudaArena(std::shared_ptr<Context> context, const std::vector<ParameterSpec>& parameters,
            int state_arenas);
  ~CudaArena() override { context_->make_current(); }

  /// What this class would allocate.
  static MemoryPlan plan(const std::vector<ParameterSpec>& parameters, int state_arenas,
                         Precision precision);

  void write(Part part, int slot, std::span<const float> values) override;
  void read(Part part, int slot, std::span<float> values) const override;
  void set_steps(std::int64_t steps) override;
  std::int64_t steps() const override { return steps_; }
  void set_learning_rate(float rate) override;

  /// The whole part; null when this arena has no such part.
  float* part(Part part) const noexcept;
  /// A slot of the parameters or gradients; `low`: of the bfloat16 copy of the parameters.
  Matrix matrix(Part part, int slot, bool low) const noexcept;
  void* low() const noexcept { return low_.as<void>(); }
  const ArenaLayout& layout() const noexcept { return layout_; }
  UpdateState* state() const noexcept { return state_.as<UpdateState>(); }

  /// After a wait: what the device did.
  void note_steps(std::int64_t done, float last_loss) noexcept;
  float last_loss() const noexcept { return last_loss_; }
  float learning_rate() const noexcept { return rate_; }

 private:
  void raise_bound(Part part, std::span<const float> values);

  std::shared_ptr<Context> context_;
  std::vector<ParameterSpec> parameters_;
  ArenaLayout layout_;
  int state_arenas_;
  MemoryBudget::Reservation reserved_;
  DeviceMemory memory_;  // parameters, gradients, states, one after another
  DeviceMemory low_;     // with bf16: what products read
  DeviceMemory state_;
  std::int64_t steps_ = 0;  // as the device will have them, known without asking it
  float rate_ = 0;
  float last_loss_ = 0;
};

}  // namespace minnow::cuda
