#pragma once

#include <minnow/layer.h>
#include <minnow/model.h>
#include <minnow/tensor.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace minnow {

/// Checked rows as a device reads them: x (rows, inputs) f32 or u8; target f32 (rows, outputs) or
/// i32 (rows).
struct HostRows {
  Tensor x;
  Tensor target;
  TargetKind kind = TargetKind::none;
  std::int64_t rows() const { return x.shape().rows(); }
};

/// Checks every row and converts what has to be converted; f32 and u8 features stay where they are.
/// @throws ShapeError, InvalidArgument with the row and column.
Tensor check_features(const Tensor& x, std::string_view name, const Model& model);
HostRows check_rows(const Tensor& x, const Tensor& y, std::string_view suffix, const Model& model,
                    const Loss& loss);

void require_positive(std::int64_t value, std::string_view what);
bool all_finite(std::span<const float> values);

}  // namespace minnow
