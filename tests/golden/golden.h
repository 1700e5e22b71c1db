#pragma once

// The same data and starting weights as problems.py, bit for bit, and the shape of a result.

#include <minnow/loss_function.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace golden {

inline constexpr std::int64_t kBatch = 32;
inline constexpr std::int64_t kSteps = 20;

struct Result {
  std::array<double, kSteps> losses;  // of each batch, before its update
  std::array<double, 4> sums;         // of 0.weight, 0.bias, 2.weight, 2.bias after the last step
  std::span<const float> samples;     // sampled() of the four, one after the other
};

/// A hundred steps: the loss of each batch before its update, and all weights after the last one.
struct Trajectory {
  std::array<double, 100> losses;
  std::array<float, 83> weights;
};

/// An activation at kPoints, and its slope there.
struct ActivationValues {
  const char* activation;
  std::array<double, 49> values;
  std::array<double, 49> slopes;
};

/// A (5, 3) prediction or target of a loss.
enum class Given : std::uint8_t { logits, probabilities, values, shares, labels };
struct LossValues {
  minnow::LossKind kind;
  float parameter;
  Given prediction;
  Given target;
  double loss;
  std::array<double, 15> gradient;
};

/// Word `index` of `stream`: the finalizer of MurmurHash3 (public domain).
constexpr std::uint32_t bits(std::uint32_t stream, std::size_t index) {
  std::uint32_t v = static_cast<std::uint32_t>(index) + stream * 0x9E3779B9U;
  v = (v ^ (v >> 16)) * 0x85EBCA6BU;
  v = (v ^ (v >> 13)) * 0xC2B2AE35U;
  return v ^ (v >> 16);
}

/// In [0, 1): the top 24 bits of each word.
inline std::vector<float> unit(std::uint32_t stream, std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(bits(stream, i) >> 8) * 0x1p-24F;
  }
  return values;
}

/// In [-scale, scale); exact for a power of two.
inline std::vector<float> uniform(std::uint32_t stream, float scale, std::size_t count) {
  std::vector<float> values = unit(stream, count);
  for (float& value : values) value = (value - 0.5F) * (2.0F * scale);
  return values;
}

inline std::vector<std::int32_t> labels(std::uint32_t stream, std::size_t rows) {
  std::vector<std::int32_t> values(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    values[row] = static_cast<std::int32_t>(bits(stream, row) % 10);
  }
  return values;
}

/// (rows, 784): a dark border, half of the rest 0, and a class is every tenth pixel.
inline std::vector<std::uint8_t> images(std::uint32_t stream,
                                        std::span<const std::int32_t> classes) {
  std::vector<std::uint8_t> pixels(classes.size() * 784);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t pixel = i % 784;
    if (pixel < 56 || pixel >= 728) continue;
    const std::uint32_t word = bits(stream, i);
    const bool bright = pixel % 10 == static_cast<std::size_t>(classes[i / 784]);
    pixels[i] = static_cast<std::uint8_t>(((word & 1) != 0 ? 0 : word >> 25) + (bright ? 96 : 0));
  }
  return pixels;
}

/// The weights that are checked: all of a small tensor, 512 spread over a large one.
inline std::vector<float> sampled(std::span<const float> tensor) {
  if (tensor.size() <= 512) return {tensor.begin(), tensor.end()};
  std::vector<float> values(512);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = tensor[i * 7919 % tensor.size()];
  return values;
}

}  // namespace golden
