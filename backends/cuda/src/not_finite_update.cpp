#include "not_finite_update.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <variant>
#include <vector>

namespace minnow::cuda {
namespace {

template <class Rule>
bool stays_finite(const Rule& rule, const ParameterSpec& spec, int slot, const CudaArena& arena) {
  const auto step =
      rule.prepare(arena.learning_rate(), static_cast<std::uint64_t>(arena.steps()) + 1,
                   decays(rule, spec.rank));
  const auto count = static_cast<std::size_t>(spec.rows * spec.cols);
  const auto read = [&](Arena::Part part) {
    std::vector<float> values(count);
    if (arena.part(part) != nullptr) arena.read(part, slot, values);
    return values;
  };
  const std::vector<float> g = read(Arena::Part::gradients);
  std::vector<float> p = read(Arena::Part::parameters);
  std::vector<float> state0 = read(Arena::Part::state0);
  std::vector<float> state1 = read(Arena::Part::state1);
  for (std::size_t i = 0; i < count; ++i) {
    Rule::apply(step, g[i], p[i], state0[i], state1[i]);
    if (!std::isfinite(p[i]) || !std::isfinite(state0[i]) || !std::isfinite(state1[i]))
      return false;
  }
  return true;
}

}  // namespace

std::string not_finite_update(const Program& program, const CudaArena& arena) {
  return std::visit(
      [&](const auto& rule) -> std::string {
        const auto& parameters = program.parameters();
        for (std::size_t slot = 0; slot < parameters.size(); ++slot) {
          if (stays_finite(rule, parameters[slot], static_cast<int>(slot), arena)) continue;
          return "update of " + parameters[slot].name;
        }
        return "update";  // off by the last bit from what the device found
      },
      program.rule());
}

}  // namespace minnow::cuda
