#include <minnow/program.h>

#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <utility>

namespace minnow {
namespace {

std::string extents(std::int64_t rows, std::int64_t cols) {
  return cat("(", rows, ", ", cols, ")");
}

}  // namespace

std::string_view name_of(OpKind kind) noexcept {
  switch (kind) {
    case OpKind::gather:
      return "gather";
    case OpKind::linear:
      return "linear";
    case OpKind::add_bias:
      return "add_bias";
    case OpKind::relu:
      return "relu";
    case OpKind::softmax:
      return "softmax";
    case OpKind::linear_input_grad:
      return "linear_input_grad";
    case OpKind::linear_weight_grad:
      return "linear_weight_grad";
    case OpKind::bias_grad:
      return "bias_grad";
    case OpKind::relu_grad:
      return "relu_grad";
    case OpKind::softmax_grad:
      return "softmax_grad";
    case OpKind::mse:
      return "mse";
    case OpKind::cross_entropy:
      return "cross_entropy";
    case OpKind::softmax_cross_entropy:
      return "softmax_cross_entropy";
    case OpKind::adam:
      return "adam";
    case OpKind::sgd:
      return "sgd";
  }
  return "?";
}

Program::Program(std::int64_t batch, std::vector<ParameterSpec> parameters)
    : batch_(batch), slice_rows_(batch), parameters_(std::move(parameters)) {
  for (const ValueKind kind : {ValueKind::parameter, ValueKind::gradient}) {
    for (std::size_t slot = 0; slot < parameters_.size(); ++slot) {
      const ParameterSpec& spec = parameters_[slot];
      const bool gradient = kind == ValueKind::gradient;
      const ValueId id =
          add_value(gradient ? "gradient of " + spec.name : spec.name, kind, spec.rows, spec.cols);
      values_[static_cast<std::size_t>(id)].slot = static_cast<int>(slot);
    }
  }
}

ValueId Program::add_value(std::string name, ValueKind kind, std::int64_t rows, std::int64_t cols) {
  checked_multiply(checked_multiply(rows, cols, name), 4, name);
  values_.push_back(
      {.name = std::move(name), .kind = kind, .rows = rows, .cols = cols, .layer = layer_});
  return static_cast<ValueId>(values_.size()) - 1;
}

void Program::add_op(OpKind kind, std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
  const bool sums_rows = kind == OpKind::linear_weight_grad || kind == OpKind::bias_grad;
  ops_.push_back({.kind = kind,
                  .inputs = std::move(inputs),
                  .outputs = std::move(outputs),
                  .accumulate = sums_rows && slice_row_ > 0,
                  .row = slice_row_,
                  .layer = layer_});
}

void Program::begin_slice(std::int64_t first_row, std::int64_t rows) {
  const std::int64_t next = sliced() ? slice_row_ + slice_rows_ : 0;
  if (first_row != next || rows < 1 || rows > batch_ - first_row) {
    throw ShapeError(
        {.code = "MN-N02",
         .what = cat("a slice of ", rows, " rows from row ", first_row,
                     " on does not go on at row ", next, " of a batch of ", batch_, ".")});
  }
  ++slices_;
  slice_row_ = first_row;
  slice_rows_ = rows;
}

void Program::require_shape(std::string_view op, std::string_view operand, ValueId id,
                            std::int64_t rows, std::int64_t cols) const {
  const Value& actual = value(id);
  if (actual.rows == rows && actual.cols == cols) return;
  throw ShapeError({.code = "MN-N02",
                    .what = cat(layer_name_, layer_name_.empty() ? "" : ": ", op, " expects ",
                                operand, " of shape ", extents(rows, cols), ", got ",
                                extents(actual.rows, actual.cols), " (", actual.name, ").")});
}

ValueId Program::input(std::string name, std::int64_t rows, std::int64_t cols, DType dtype) {
  const ValueId id = add_value(std::move(name), ValueKind::input, rows, cols);
  values_[static_cast<std::size_t>(id)].dtype = dtype;
  return id;
}

ValueId Program::parameter(int slot) const {
  return slot >= 0 && static_cast<std::size_t>(slot) < parameters_.size() ? slot : kNoValue;
}

ValueId Program::gradient(int slot) const {
  return static_cast<ValueId>(parameters_.size()) + parameter(slot);
}

ValueId Program::gather(std::int64_t features, DType source, InputTransform transform,
                        TargetKind kind, std::int64_t target_cols) {
  // As many offsets as scales, so that backends have two cases and not four.
  const std::size_t entries = std::max(transform.offset.size(), transform.scale.size());
  for (auto* part : {&transform.offset, &transform.scale}) part->resize(entries, part->front());
  source_ = source;
  transform_ = std::move(transform);
  target_kind_ = kind;
  x_ = add_value("x", ValueKind::activation, slice_rows_, features);
  std::vector<ValueId> outputs{x_};
  if (kind != TargetKind::none) {
    const bool labels = kind == TargetKind::labels;
    target_ = add_value("target", ValueKind::activation, slice_rows_, labels ? 1 : target_cols);
    values_[static_cast<std::size_t>(target_)].dtype = labels ? DType::i32 : DType::f32;
    outputs.push_back(target_);
  }
  add_op(OpKind::gather, {}, std::move(outputs));
  return x_;
}

ValueId Program::linear(ValueId x, ValueId weight) {
  const std::int64_t rows = value(x).rows;
  require_shape("linear", "input", x, rows, value(weight).cols);
  const ValueId y = add_value("output", ValueKind::activation, rows, value(weight).rows);
  add_op(OpKind::linear, {x, weight}, {y});
  return y;
}

ValueId Program::add_bias(ValueId x, ValueId bias) {
  const std::int64_t rows = value(x).rows;
  const std::int64_t cols = value(x).cols;
  require_shape("add_bias", "bias", bias, 1, cols);
  const ValueId y = add_value("output", ValueKind::activation, rows, cols);
  add_op(OpKind::add_bias, {x, bias}, {y});
  return y;
}

ValueId Program::relu(ValueId x) {
  const ValueId y = add_value("output", ValueKind::activation, value(x).rows, value(x).cols);
  add_op(OpKind::relu, {x}, {y});
  return y;
}

ValueId Program::softmax(ValueId x) {
  const ValueId y = add_value("output", ValueKind::activation, value(x).rows, value(x).cols);
  add_op(OpKind::softmax, {x}, {y});
  return y;
}

ValueId Program::linear_input_grad(ValueId dy, ValueId weight) {
  const std::int64_t rows = value(dy).rows;
  require_shape("linear_input_grad", "output gradient", dy, rows, value(weight).rows);
  const ValueId dx = add_value("input gradient", ValueKind::activation, rows, value(weight).cols);
  add_op(OpKind::linear_input_grad, {dy, weight}, {dx});
  return dx;
}

void Program::linear_weight_grad(ValueId dy, ValueId x, ValueId into) {
  require_shape("linear_weight_grad", "input", x, value(dy).rows, value(x).cols);
  require_shape("linear_weight_grad", "weight gradient", into, value(dy).cols, value(x).cols);
  add_op(OpKind::linear_weight_grad, {dy, x}, {into});
}

void Program::bias_grad(ValueId dy, ValueId into) {
  require_shape("bias_grad", "bias gradient", into, 1, value(dy).cols);
  add_op(OpKind::bias_grad, {dy}, {into});
}

ValueId Program::relu_grad(ValueId dy, ValueId y) {
  require_shape("relu_grad", "output", y, value(dy).rows, value(dy).cols);
  const ValueId dx =
      add_value("input gradient", ValueKind::activation, value(dy).rows, value(dy).cols);
  add_op(OpKind::relu_grad, {dy, y}, {dx});
  return dx;
}

ValueId Program::softmax_grad(ValueId dy, ValueId y) {
  require_shape("softmax_grad", "output", y, value(dy).rows, value(dy).cols);
  const ValueId dx =
      add_value("input gradient", ValueKind::activation, value(dy).rows, value(dy).cols);
  add_op(OpKind::softmax_grad, {dy, y}, {dx});
  return dx;
}

ValueId Program::record_loss(OpKind kind, ValueId prediction, ValueId target, bool gradient) {
  const std::int64_t rows = slice_rows_;
  const std::int64_t cols = value(prediction).cols;
  const bool labels = value(target).dtype == DType::i32;
  require_shape(name_of(kind), "prediction", prediction, rows, cols);
  require_shape(name_of(kind), "target", target, rows, labels ? 1 : cols);
  // All slices work on the same results.
  if (slice_row_ == 0) loss_ = add_value("loss", ValueKind::result, 1, 1);
  std::vector<ValueId> outputs{loss_};
  if (kind != OpKind::mse) {
    if (slice_row_ == 0) correct_ = add_value("correct", ValueKind::result, 1, 1);
    outputs.push_back(correct_);
  }
  ValueId derivative = kNoValue;
  if (gradient) {
    derivative = add_value("gradient of the loss", ValueKind::activation, rows, cols);
    outputs.push_back(derivative);
  }
  add_op(kind, {prediction, target}, std::move(outputs));
  return derivative;
}

ValueId Program::mse(ValueId prediction, ValueId target, bool gradient) {
  return record_loss(OpKind::mse, prediction, target, gradient);
}

ValueId Program::cross_entropy(ValueId probabilities, ValueId target, bool gradient) {
  return record_loss(OpKind::cross_entropy, probabilities, target, gradient);
}

ValueId Program::softmax_cross_entropy(ValueId logits, ValueId target, bool gradient) {
  return record_loss(OpKind::softmax_cross_entropy, logits, target, gradient);
}

void Program::update(OpKind kind, UpdateRule rule) {
  rule_ = rule;
  add_op(kind, {}, {});
}

void Program::begin_layer(int layer, std::string name) {
  layer_ = layer;
  layer_name_ = name;
  if (layer >= 0 && static_cast<std::size_t>(layer) >= layer_names_.size()) {
    layer_names_.resize(static_cast<std::size_t>(layer) + 1);
  }
  if (layer >= 0) layer_names_[static_cast<std::size_t>(layer)] = std::move(name);
}

void Program::set_output(ValueId id) {
  output_ = id;
  keep(id);
}

std::int64_t Program::rows_of(const Op& op) const {
  if (op.inputs.empty() && op.outputs.empty()) return 0;  // an update
  return value(op.inputs.empty() ? op.outputs[0] : op.inputs[0]).rows;
}

bool Program::ends_batch(const Op& loss) const { return loss.row + rows_of(loss) == batch_; }

}  // namespace minnow
