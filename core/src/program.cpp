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

Op& Program::add_op(OpKind kind, std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
  ops_.push_back({.kind = kind,
                  .inputs = std::move(inputs),
                  .outputs = std::move(outputs),
                  .accumulate = sums_rows(kind) && slice_row_ > 0,
                  .row = slice_row_,
                  .layer = layer_});
  return ops_.back();
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
  slice_terms_ = 0;
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

void Program::require_slot(int slot) const {
  if (slot >= 0 && static_cast<std::size_t>(slot) < parameters_.size()) return;
  throw ShapeError(
      {.code = "MN-N02",
       .what = cat(layer_name_, layer_name_.empty() ? "" : ": ", "there is no parameter ", slot,
                   " in a program of ", parameters_.size(), "."),
       .remedy = "a layer's slots are those that forward() and backward() are given"});
}

ValueId Program::parameter(int slot) const {
  require_slot(slot);
  return slot;
}

ValueId Program::gradient(int slot) const {
  require_slot(slot);
  return static_cast<ValueId>(parameters_.size()) + slot;
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

ValueId Program::add(ValueId a, ValueId b) {
  require_shape("add", "second term", b, value(a).rows, value(a).cols);
  const ValueId y = add_value("sum", ValueKind::activation, value(a).rows, value(a).cols);
  add_op(OpKind::add, {a, b}, {y});
  return y;
}

ValueId Program::add_unary(OpKind kind, const Activation& activation, std::string name, ValueId x,
                           ValueId saved) {
  const std::int64_t rows = value(x).rows, cols = value(x).cols;
  const ValueId y = add_value(std::move(name), ValueKind::activation, rows, cols);
  std::vector<ValueId> inputs{x};
  if (saved != kNoValue) {
    require_shape(name_of(kind), "saved value", saved, rows, cols);
    inputs.push_back(saved);
  }
  add_op(kind, std::move(inputs), {y}).activation = activation;
  return y;
}

ValueId Program::activate(const Activation& activation, ValueId x) {
  return add_unary(OpKind::activate, activation, "output", x);
}

ValueId Program::activate_grad(const Activation& activation, ValueId dy, ValueId x, ValueId y) {
  const ValueId saved = saved_by(activation.kind) == Saved::input ? x : y;
  return add_unary(OpKind::activate_grad, activation, "input gradient", dy, saved);
}

ValueId Program::softmax(ValueId x) { return add_unary(OpKind::softmax, {}, "output", x); }

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

ValueId Program::softmax_grad(ValueId dy, ValueId y) {
  return add_unary(OpKind::softmax_grad, {}, "input gradient", dy, y);
}

ValueId Program::loss(const LossFunction& function, ValueId prediction, ValueId target,
                      bool gradient) {
  const LossTraits traits = traits_of(function.kind);
  const std::int64_t rows = slice_rows_;
  const std::int64_t cols = value(prediction).cols;
  const bool labels = value(target).dtype == DType::i32;
  require_shape(traits.name, "prediction", prediction, rows, cols);
  require_shape(traits.name, "target", target, rows,
                labels && (cols == 1 || traits.accuracy == Accuracy::largest) ? 1 : cols);
  // All slices and all terms work on the same results.
  if (loss_ == kNoValue) loss_ = add_value("loss", ValueKind::result, 1, 1);
  std::vector<ValueId> outputs{loss_};
  const int term = slice_terms_++;
  loss_terms_ = std::max(loss_terms_, slice_terms_);
  if (term == 0 && traits.accuracy != Accuracy::none) {
    if (correct_ == kNoValue) correct_ = add_value("correct", ValueKind::result, 1, 1);
    outputs.push_back(correct_);
  }
  ValueId derivative = kNoValue;
  if (gradient) {
    derivative = add_value("gradient of the loss", ValueKind::activation, rows, cols);
    outputs.push_back(derivative);
  }
  Op& op = add_op(OpKind::loss, {prediction, target}, std::move(outputs));
  op.loss = function;
  op.term = term;
  return derivative;
}

void Program::update(const UpdateRule& rule) {
  rule_ = rule;
  add_op(OpKind::update, {}, {});
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

bool Program::ends_batch(const Op& loss) const {
  return loss.row + rows_of(loss) == batch_ && loss.term + 1 == loss_terms_;
}

ValueId Program::gradient_of_loss(const Op& loss) const {
  const ValueId last = loss.outputs.back();
  return value(last).kind == ValueKind::activation ? last : kNoValue;
}

}  // namespace minnow
