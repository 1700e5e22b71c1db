#include "check_data.h"

#include <minnow/base/text.h>
#include <minnow/error.h>

#include <cmath>
#include <string>

namespace minnow {
namespace {

[[noreturn]] void throw_shape(std::string what, std::string remedy = {}) {
  throw ShapeError({.code = "MN-N02",
                    .what = std::move(what),
                    .remedy = std::move(remedy),
                    .effect = "nothing was run"});
}

[[noreturn]] void throw_invalid(Code code, std::string what, std::string remedy = {}) {
  throw InvalidArgument({.code = code,
                         .what = std::move(what),
                         .remedy = std::move(remedy),
                         .effect = "nothing was run"});
}

void require_finite(const Tensor& tensor, std::string_view name) {
  const auto values = tensor.data<float>();
  if (all_finite(values)) return;
  const auto cols = static_cast<std::size_t>(tensor.shape().row_elements());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    throw_invalid("MN-N04",
                  cat(name, " is ", values[i], " at row ", i / cols, ", column ", i % cols, "."),
                  "repair or drop the row; rows and columns count from 0");
  }
}

void require_rank(const Tensor& tensor, std::string_view name) {
  if (tensor.shape().rank() == 0) throw_shape(cat(name, " is a scalar; rows are expected."));
  if (tensor.empty()) {
    throw_invalid("MN-N07", cat(name, " has no data: its shape is ", tensor.shape().str(), "."));
  }
}

Tensor prepare_labels(const Tensor& y, std::string_view name, std::int64_t classes,
                      std::int64_t outputs) {
  const Tensor wide = y.to(DType::i64);
  Tensor labels({y.shape().rows()}, DType::i32);
  const auto from = wide.data<std::int64_t>();
  const auto to = labels.mutable_data<std::int32_t>();
  for (std::size_t row = 0; row < from.size(); ++row) {
    if (from[row] < 0 || from[row] >= classes) {
      throw_invalid(
          "MN-N01",
          cat("label ", from[row], " at row ", row, " of ", name, " is outside 0..", classes - 1,
              " (the model has ", outputs, outputs == 1 ? " output" : " outputs", ")."),
          "labels count from 0; rows count from 0");
    }
    to[row] = static_cast<std::int32_t>(from[row]);
  }
  return labels;
}

Tensor prepare_values(const Tensor& y, std::string_view name, std::int64_t outputs) {
  if (y.shape().row_elements() != outputs) {
    throw_shape(cat("the model has ", outputs, " outputs, and ", name, " has shape ",
                    y.shape().str(), ": ", y.shape().row_elements(), " numbers per row."));
  }
  Tensor values = y.to(DType::f32).reshape({y.shape().rows(), outputs});
  require_finite(values, name);
  return values;
}

void require_probabilities(const Tensor& y, std::string_view name, std::string_view loss) {
  const auto values = y.data<float>();
  const auto cols = static_cast<std::size_t>(y.shape().row_elements());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= 0 && values[i] <= 1) continue;
    throw_invalid("MN-N03",
                  cat(name, " is ", values[i], " at row ", i / cols, ", column ", i % cols, "; ",
                      loss, " expects probabilities."),
                  "give numbers from 0 to 1; rows and columns count from 0");
  }
}

}  // namespace

// Sixteen independent sums, so that the compiler can use vectors; x * 0 is NaN if x is not finite.
bool all_finite(std::span<const float> values) {
  float flags[16] = {};
  std::size_t i = 0;
  for (; i + 16 <= values.size(); i += 16) {
    for (std::size_t lane = 0; lane < 16; ++lane) flags[lane] += values[i + lane] * 0.0F;
  }
  for (; i < values.size(); ++i) flags[0] += values[i] * 0.0F;
  float sum = 0;
  for (const float flag : flags) sum += flag;
  return sum == 0.0F;
}

void require_positive(std::int64_t value, std::string_view what) {
  if (value >= 1) return;
  throw_invalid("MN-N07", cat(what, " is ", value, "."), "give 1 or more");
}

Tensor check_features(const Tensor& x, std::string_view name, const Model& model) {
  require_rank(x, name);
  if (x.shape().row_elements() != model.inputs()) {
    throw_shape(cat("the model expects ", model.inputs(), " numbers per row (",
                    model.layer_names().front(), "), and ", name, " has shape ", x.shape().str(),
                    ": ", x.shape().row_elements(), " per row."));
  }
  Tensor features = x.dtype() == DType::u8 ? x : x.to(DType::f32);
  if (features.dtype() == DType::f32) require_finite(features, name);
  return features;
}

HostRows check_rows(const Tensor& x, const Tensor& y, std::string_view suffix, const Model& model,
                    const Loss& loss) {
  const std::string x_name = cat("x", suffix);
  const std::string y_name = cat("y", suffix);
  HostRows rows;
  rows.x = check_features(x, x_name, model);
  require_rank(y, y_name);
  if (x.shape().rows() != y.shape().rows()) {
    throw_shape(cat(x_name, " has ", x.shape().rows(), " rows and ", y_name, " has ",
                    y.shape().rows(), "."));
  }
  const bool one_per_row = y.shape().row_elements() == 1;
  const std::int64_t classes = loss.classes(model.outputs());
  if (classes > 0 && one_per_row && y.dtype() != DType::f32) {
    rows.kind = TargetKind::labels;
    rows.target = prepare_labels(y, y_name, classes, model.outputs());
    return rows;
  }
  if (classes > 0 && one_per_row && model.outputs() > 1) {
    throw_invalid("MN-N03",
                  cat(y_name, " has one f32 number per row; a loss over ", model.outputs(),
                      " classes expects labels or one-hot rows."),
                  cat("convert labels with ", y_name, ".to(minnow::DType::i32), or give ", y_name,
                      " as (rows, ", model.outputs(), ")"));
  }
  rows.kind = TargetKind::values;
  rows.target = prepare_values(y, y_name, model.outputs());
  if (loss.classification()) require_probabilities(rows.target, y_name, loss.name());
  return rows;
}

}  // namespace minnow
