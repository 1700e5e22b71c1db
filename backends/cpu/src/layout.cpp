#include "layout.h"

#include <algorithm>

namespace minnow::cpu {
namespace {

// Where element (output, input) of a parameter stands in its slice. A bias, of rank 1, has the
// layout of one output's weight.
std::int64_t weight_index(const ParameterSpec& spec, std::int64_t output, std::int64_t input) {
  const Panels panels(spec.rows, spec.cols);
  const std::int64_t panel = output / panels.size;
  return panels.offset(panel) + input * panels.width(panel) + output % panels.size;
}

}  // namespace

std::int64_t slice_floats(const ParameterSpec& spec) {
  return spec.rows == 1 ? padded(spec.cols) : spec.cols * padded(spec.rows);
}

std::int64_t activation_bytes(const Value& value) {
  if (value.kind == ValueKind::result || value.dtype == DType::i32) return value.rows * 4;
  return value.rows * activation_stride(value.cols) * 4;
}

void pack(const ParameterSpec& spec, std::span<const float> dense, float* slice) {
  std::fill_n(slice, slice_floats(spec), 0.0F);
  for (std::int64_t output = 0; output < spec.rows; ++output) {
    for (std::int64_t input = 0; input < spec.cols; ++input) {
      slice[weight_index(spec, output, input)] =
          dense[static_cast<std::size_t>(output * spec.cols + input)];
    }
  }
}

void unpack(const ParameterSpec& spec, const float* slice, std::span<float> dense) {
  for (std::int64_t output = 0; output < spec.rows; ++output) {
    for (std::int64_t input = 0; input < spec.cols; ++input) {
      dense[static_cast<std::size_t>(output * spec.cols + input)] =
          slice[weight_index(spec, output, input)];
    }
  }
}

Share share_of_slice(const ParameterSpec& spec, int worker, int workers) {
  const Panels panels(spec.rows, spec.cols);
  const Share inputs = share_of_inputs(panels, worker, workers);
  const auto floats = [&](std::int64_t input) {
    const std::int64_t panel = input / panels.inputs;
    if (panel == panels.count()) return slice_floats(spec);
    return panels.offset(panel) + input % panels.inputs * panels.width(panel);
  };
  return {floats(inputs.begin), floats(inputs.end)};
}

}  // namespace minnow::cpu
