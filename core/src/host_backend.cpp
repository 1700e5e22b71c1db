#include <minnow/host_backend.h>

#include <algorithm>

namespace minnow {

HostArena::HostArena(const std::vector<ParameterSpec>& parameters, int state_arenas)
    : parameters_(parameters.size()) {
  for (int part = 0; part < 2 + state_arenas; ++part) {
    for (const ParameterSpec& spec : parameters) {
      slices_.emplace_back(static_cast<std::size_t>(spec.rows * spec.cols));
    }
  }
}

void HostArena::write(Part part, int slot, std::span<const float> values) {
  std::copy(values.begin(), values.end(), slice(part, slot).begin());
}

void HostArena::read(Part part, int slot, std::span<float> values) const {
  std::ranges::copy(slices_.at(index(part, slot)), values.begin());
}

HostArena::~HostArena() = default;
HostData::~HostData() = default;

// Of every backend, unless it knows better.
MemoryPlan Backend::plan(const Program& program) const {
  MemoryPlan plan;
  for (const ParameterSpec& spec : program.parameters())
    plan.parameters += spec.rows * spec.cols * 4;
  plan.gradients = plan.parameters;
  plan.optimizer = plan.parameters * states_of(program.rule());
  for (const Value& value : program.values()) {
    if (value.kind == ValueKind::parameter || value.kind == ValueKind::gradient) continue;
    plan.activations += value.rows * value.cols * static_cast<std::int64_t>(size_of(value.dtype));
  }
  return plan;
}

std::unique_ptr<Arena> Backend::create_arena(const std::vector<ParameterSpec>& parameters,
                                             int state_arenas) {
  return std::make_unique<HostArena>(parameters, state_arenas);
}

std::unique_ptr<DeviceData> Backend::upload(const void* host, DType dtype, std::int64_t,
                                            std::int64_t cols) {
  return std::make_unique<HostData>(host, dtype, cols);
}

}  // namespace minnow
