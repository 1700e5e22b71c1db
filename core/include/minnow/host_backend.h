#pragma once

/// What a backend gets by default that computes on the host with plain loops: parameters and data
/// as they are at the API, dense and row-major. A device with a layout or a memory of its own has
/// its own classes for both.

#include <minnow/backend.h>
#include <minnow/export.h>

#include <cstdint>
#include <span>
#include <vector>

namespace minnow {

/// The arena of Backend::create_arena().
class MINNOW_API HostArena : public Arena {
 public:
  HostArena(const std::vector<ParameterSpec>& parameters, int state_arenas);
  ~HostArena() override;

  void write(Part part, int slot, std::span<const float> values) override;
  void read(Part part, int slot, std::span<float> values) const override;
  void set_steps(std::int64_t steps) override { steps_ = steps; }
  std::int64_t steps() const override { return steps_; }
  void set_learning_rate(float rate) override { rate_ = rate; }

  /// A parameter of (rows, cols), its gradient or a state of the optimizer.
  std::span<float> slice(Part part, int slot) { return slices_.at(index(part, slot)); }
  float learning_rate() const noexcept { return rate_; }
  /// Of the last update, for throw_not_finite().
  void set_last_loss(float loss) noexcept { last_loss_ = loss; }
  float last_loss() const noexcept { return last_loss_; }

 private:
  std::size_t index(Part part, int slot) const {
    return static_cast<std::size_t>(part) * parameters_ + static_cast<std::size_t>(slot);
  }

  std::size_t parameters_;
  std::vector<std::vector<float>> slices_;
  std::int64_t steps_ = 0;
  float rate_ = 0;
  float last_loss_ = 0;
};

/// The data of Backend::upload(): it is read where the program has it.
class MINNOW_API HostData : public DeviceData {
 public:
  HostData(const void* host, DType dtype, std::int64_t cols)
      : data_(host), dtype_(dtype), cols_(cols) {}
  ~HostData() override;
  void assign(const void* host) override { data_ = host; }

  const void* data() const noexcept { return data_; }
  DType dtype() const noexcept { return dtype_; }
  std::int64_t cols() const noexcept { return cols_; }

 private:
  const void* data_;
  DType dtype_;
  std::int64_t cols_;
};

}  // namespace minnow
