#pragma once

#include <minnow/program.h>
#include <minnow/tensor.h>

#include <cstdint>
#include <vector>

namespace minnow {

/// Into tensors of the same shapes, or into none yet.
void copy_values(const std::vector<Tensor>& from, std::vector<Tensor>& to);

/// The host's copy of a model's weights, and who has newer ones. A trainer that changed weights on
/// its device becomes the holder; whoever reads next pulls them from it.
class ParameterStore {
 public:
  class Holder {
   public:
    virtual ~Holder() = default;
    virtual void pull(std::vector<Tensor>& values) = 0;
  };

  ParameterStore(const std::vector<ParameterSpec>& specs, std::uint64_t seed);

  /// Current values, by slot, in the parameters' shapes.
  const std::vector<Tensor>& values();
  void set(int slot, const Tensor& values);
  /// Nobody has newer ones any more: the device that had them is lost.
  void forget_holder() noexcept;
  /// All of them, also when a lost device has newer ones.
  void replace(const std::vector<Tensor>& values);

  /// Changes with every write, whoever writes: a trainer compares it with what it uploaded.
  std::int64_t version() const noexcept { return version_; }
  void mark_newer_on(Holder* holder) noexcept;
  /// Before a holder goes away. When its device is lost, the host's older values stay.
  void release(Holder* holder) noexcept;

 private:
  std::vector<Tensor> values_;
  Holder* holder_ = nullptr;
  std::int64_t version_ = 0;
};

}  // namespace minnow
