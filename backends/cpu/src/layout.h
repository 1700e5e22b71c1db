#pragma once

// How the CPU backend lays values out. Every row starts a new group of 16 floats (64 bytes), padded
// with zeros, so that no kernel needs a remainder loop.
//
// An activation is row-major with a stride. A weight (outputs, inputs) is stored transposed, in
// panels of 32 outputs, each (inputs x 32), the last one as narrow as 16 where that is enough. A
// thread that owns some panels reads and writes one contiguous piece of weight, gradient and
// moments. The weight of one output is a vector, without padding between its numbers, and so is a
// bias. Weights of 4 million numbers and more have panels of 512: those go through Eigen, whose
// blocking for the caches wins there and wants wide matrices.

#include <minnow/program.h>

#include <cstdint>
#include <span>

namespace minnow::cpu {

constexpr std::int64_t padded(std::int64_t cols) { return (cols + 15) / 16 * 16; }

/// Floats from row to row. A stride of many whole pages maps a column onto few cache sets.
constexpr std::int64_t activation_stride(std::int64_t cols) {
  const std::int64_t stride = padded(cols);
  return stride >= 128 && stride % 64 == 0 ? stride + 16 : stride;
}

struct Panels {
  constexpr Panels(std::int64_t weight_outputs, std::int64_t weight_inputs)
      : outputs(weight_outputs),
        inputs(weight_inputs),
        size(outputs > 1 && outputs * inputs >= std::int64_t{1} << 22 ? 512 : 32) {}

  constexpr std::int64_t count() const { return (outputs + size - 1) / size; }
  constexpr std::int64_t cols(std::int64_t panel) const {
    const std::int64_t left = outputs - panel * size;
    return left < size ? left : size;
  }
  /// Floats from input to input.
  constexpr std::int64_t width(std::int64_t panel) const {
    return outputs == 1 ? 1 : padded(cols(panel));
  }
  /// Floats before a panel.
  constexpr std::int64_t offset(std::int64_t panel) const { return panel * size * inputs; }
  /// Whether a product of so many rows goes through Eigen.
  constexpr bool on_eigen(std::int64_t rows) const { return size == 512 && rows >= 64; }

  std::int64_t outputs;
  std::int64_t inputs;
  std::int64_t size;
};

/// Floats that a parameter takes in an arena.
std::int64_t slice_floats(const ParameterSpec& spec);
/// Bytes that a value takes among the activations.
std::int64_t activation_bytes(const Value& value);

/// Between dense row-major (rows, cols) and a slice; padding in the slice is set to zero.
void pack(const ParameterSpec& spec, std::span<const float> dense, float* slice);
void unpack(const ParameterSpec& spec, const float* slice, std::span<float> dense);

/// A worker's part of 0..total-1.
struct Share {
  std::int64_t begin;
  std::int64_t end;
};
constexpr Share share(std::int64_t total, int worker, int workers) {
  if (workers == 1) return {0, total};  // spares tiny steps the divisions
  return {total * worker / workers, total * (worker + 1) / workers};
}
/// The same in whole groups of 16: the last group may be cut short by `total`.
constexpr Share share_of_16(std::int64_t total, int worker, int workers) {
  const Share groups = share((total + 15) / 16, worker, workers);
  return {groups.begin * 16, groups.end * 16 < total ? groups.end * 16 : total};
}

/// A worker's inputs of all panels, one panel after another: it makes their gradients and updates
/// them. No two workers have numbers of the same 64 bytes.
constexpr Share share_of_inputs(const Panels& panels, int worker, int workers) {
  return panels.outputs == 1 ? share_of_16(panels.inputs, worker, workers)
                             : share(panels.count() * panels.inputs, worker, workers);
}
/// The same of a slice, in floats.
Share share_of_slice(const ParameterSpec& spec, int worker, int workers);

}  // namespace minnow::cpu
