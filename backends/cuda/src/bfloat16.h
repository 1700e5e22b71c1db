#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace minnow::cuda {

/// To the nearest, ties to even, as the device rounds.
inline std::uint16_t to_bfloat16(float value) {
  if (std::isnan(value)) return 0x7FFF;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

inline float from_bfloat16(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

}  // namespace minnow::cuda
