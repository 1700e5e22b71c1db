#include "cpu_arena.h"

#include <minnow/base/host_block.h>

#include <cmath>
#include <limits>
#include <utility>

#include "layout.h"

namespace minnow::cpu {

MemoryPlan CpuArena::plan(const std::vector<ParameterSpec>& parameters, int state_arenas) {
  std::int64_t floats = 0;
  for (const ParameterSpec& spec : parameters) floats += slice_floats(spec);
  return {
      .parameters = floats * 4, .gradients = floats * 4, .optimizer = floats * 4 * state_arenas};
}

CpuArena::CpuArena(const std::vector<ParameterSpec>& parameters, int state_arenas,
                   MemoryBudget::Reservation reserved)
    : parameters_(parameters),
      state_arenas_(state_arenas),
      part_floats_(plan(parameters, state_arenas).parameters / 4),
      reserved_(std::move(reserved)),
      memory_(allocate_host(part_floats_ * 4 * (2 + state_arenas), kWhat)) {
  offsets_.resize(parameters.size());
  std::int64_t offset = 0;
  for (const bool weights : {true, false}) {
    for (std::size_t slot = 0; slot < parameters.size(); ++slot) {
      if ((parameters[slot].rank > 1) != weights) continue;
      offsets_[slot] = offset;
      offset += slice_floats(parameters[slot]);
    }
    if (weights) weight_floats_ = offset;
  }
}

float* CpuArena::all(Part part) noexcept {
  const int index = static_cast<int>(part);
  if (part_floats_ == 0 || index >= 2 + state_arenas_) return nullptr;
  return reinterpret_cast<float*>(memory_.get()) + index * part_floats_;
}

float* CpuArena::slice(Part part, int slot) noexcept {
  return const_cast<float*>(static_cast<const CpuArena*>(this)->slice(part, slot));
}

const float* CpuArena::slice(Part part, int slot) const noexcept {
  const int index = static_cast<int>(part);
  if (index >= 2 + state_arenas_) return nullptr;
  return reinterpret_cast<const float*>(memory_.get()) + index * part_floats_ +
         offsets_[static_cast<std::size_t>(slot)];
}

void CpuArena::write(Part part, int slot, std::span<const float> values) {
  if (part != Part::gradients) {
    double& bound = part == Part::parameters ? magnitudes_.parameter
                    : part == Part::state0   ? magnitudes_.state[0]
                                             : magnitudes_.state[1];
    for (const float value : values) {
      const double size = std::abs(static_cast<double>(value));
      if (size <= bound) continue;
      bound = std::isnan(size) ? std::numeric_limits<double>::infinity() : size;
    }
  }
  pack(parameters_.at(static_cast<std::size_t>(slot)), values, slice(part, slot));
}

void CpuArena::read(Part part, int slot, std::span<float> values) const {
  unpack(parameters_.at(static_cast<std::size_t>(slot)), slice(part, slot), values);
}

}  // namespace minnow::cpu
