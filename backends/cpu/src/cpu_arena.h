#pragma once

#include <minnow/backend.h>
#include <minnow/memory_budget.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace minnow::cpu {

class CpuArena final : public Arena {
 public:
  static constexpr const char* kWhat = "the parameters, gradients and optimizer state";

  /// `reserved`: plan(), in the backend's budget.
  CpuArena(const std::vector<ParameterSpec>& parameters, int state_arenas,
           MemoryBudget::Reservation reserved);

  void write(Part part, int slot, std::span<const float> values) override;
  void read(Part part, int slot, std::span<float> values) const override;
  void set_steps(std::int64_t steps) override { steps_ = steps; }
  std::int64_t steps() const override { return steps_; }
  void set_learning_rate(float rate) override { rate_ = rate; }
  float learning_rate() const noexcept { return rate_; }
  void set_last_loss(float loss) noexcept { last_loss_ = loss; }
  float last_loss() const noexcept { return last_loss_; }

  const std::vector<ParameterSpec>& parameters() const noexcept { return parameters_; }
  int state_arenas() const noexcept { return state_arenas_; }
  /// All slices one after another, first those of weights (of rank 2), and how many floats; null
  /// when this arena has no such part.
  float* all(Part part) noexcept;
  std::int64_t floats() const noexcept { return part_floats_; }
  std::int64_t weight_floats() const noexcept { return weight_floats_; }
  /// Bounds of what the arena holds.
  const Magnitudes& magnitudes() const noexcept { return magnitudes_; }
  void set_magnitudes(const Magnitudes& magnitudes) noexcept { magnitudes_ = magnitudes; }
  /// Floats before a slice.
  std::int64_t offset(int slot) const { return offsets_[static_cast<std::size_t>(slot)]; }
  float* slice(Part part, int slot) noexcept;
  const float* slice(Part part, int slot) const noexcept;

  /// What this class would allocate.
  static MemoryPlan plan(const std::vector<ParameterSpec>& parameters, int state_arenas);

 private:
  std::vector<ParameterSpec> parameters_;
  int state_arenas_;
  std::vector<std::int64_t> offsets_;  // floats, by slot
  std::int64_t part_floats_;
  std::int64_t weight_floats_ = 0;
  MemoryBudget::Reservation reserved_;
  std::shared_ptr<std::byte> memory_;  // parameters, gradients, states, one after another
  Magnitudes magnitudes_;
  std::int64_t steps_ = 0;
  float rate_ = 0;
  float last_loss_ = 0;  // of the last update
};

}  // namespace minnow::cpu
