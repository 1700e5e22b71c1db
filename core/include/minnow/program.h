#pragma once

/// One training step (or one evaluation, or one prediction) as plain data: operations over values.
/// Layers, loss and optimizer record it; a backend compiles it into an Executable and runs it.
///
/// Every value is a matrix (rows, cols). Weights have PyTorch's layout, (outputs, inputs); how a
/// backend lays a value out in its memory is its own business.
///
///     minnow::Program program(32, {{.name = "w", .rows = 10, .cols = 784}});
///     auto x = program.input("x", 32, 784);
///     auto y = program.linear(x, program.parameter(0));   // (32, 10) = x * transposed(w)
///     program.keep(y);

#include <minnow/activation.h>
#include <minnow/export.h>
#include <minnow/loss_function.h>
#include <minnow/op.h>
#include <minnow/tensor.h>
#include <minnow/update_rule.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace minnow {

using ValueId = int;
inline constexpr ValueId kNoValue = -1;

enum class Init : std::uint8_t { zeros, glorot_uniform, he_uniform, he_normal, given };

/// A trainable tensor, (rows, cols). A bias is one row, and of rank 1 at the API and in files.
struct ParameterSpec {
  std::string name = {};   // "0.weight"
  std::string layer = {};  // "dense_1"
  int rank = 2;
  std::int64_t rows = 1;  // outputs of a weight
  std::int64_t cols = 1;  // inputs of a weight
  Init init = Init::zeros;
  Tensor given = {};  // the values, with Init::given
};

enum class ValueKind : std::uint8_t { input, activation, parameter, gradient, result };

struct Value {
  std::string name;
  ValueKind kind;
  std::int64_t rows;
  std::int64_t cols;
  DType dtype = DType::f32;
  int layer = -1;  // index of the layer that recorded it
  int slot = -1;   // of a parameter or gradient: index in Program::parameters()
  bool keep = false;
};

struct Op {
  OpKind kind;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Activation activation = {};  // of activate and activate_grad; of a product: fused into it
  LossFunction loss = {};      // of a loss
  int term = 0;                // of a loss: how many the batch's loss has before this one
  bool accumulate = false;  // of a parameter's gradient: added to what the slices before summed up
  std::int64_t row = 0;     // of the batch: where the rows of this op begin
  int layer = -1;
};

/// What was fused into it, too: "linear+bias+relu", "tanh", "leaky_relu(0.2)_grad", "Huber loss".
MINNOW_API std::string text_of(const Op& op);

/// What a step reads: rows of features, and either rows of numbers or one class label per row.
enum class TargetKind : std::uint8_t { none, values, labels };

/// x' = (x - offset) * scale, applied as rows are gathered; one entry, or one per feature.
struct InputTransform {
  std::vector<float> offset = {0.0F};
  std::vector<float> scale = {1.0F};
};

class MINNOW_API Program {
 public:
  Program(std::int64_t batch, std::vector<ParameterSpec> parameters);

  /// What is recorded from here on goes through `rows` rows of the batch from `first_row` on, so
  /// that the memory of one slice serves the next. Parameters' gradients are summed over the
  /// slices; the loss is the mean over the batch, complete after the last slice. Each slice begins
  /// where the one before it ended; without slices the batch goes through at once. @throws
  /// ShapeError.
  void begin_slice(std::int64_t first_row, std::int64_t rows);

  /// Values that are not computed; a slot is an index in parameters(). @throws ShapeError, as
  /// everything below does.
  ValueId input(std::string name, std::int64_t rows, std::int64_t cols, DType dtype = DType::f32);
  ValueId parameter(int slot) const;
  ValueId gradient(int slot) const;

  /// The batch, or the slice's rows of it: x (rows, features) and, unless `kind` is none, target()
  /// (rows, target_cols) f32 or (rows, 1) i32, from data whose element type is `source`.
  ValueId gather(std::int64_t features, DType source, InputTransform transform, TargetKind kind,
                 std::int64_t target_cols);

  ValueId linear(ValueId x, ValueId weight);
  ValueId add_bias(ValueId x, ValueId bias);
  ValueId add(ValueId a, ValueId b);
  ValueId activate(const Activation& activation, ValueId x);
  ValueId softmax(ValueId x);
  ValueId linear_input_grad(ValueId dy, ValueId weight);
  void linear_weight_grad(ValueId dy, ValueId x, ValueId into);
  void bias_grad(ValueId dy, ValueId into);
  /// `x` and `y` are what activate() read and made.
  ValueId activate_grad(const Activation& activation, ValueId dy, ValueId x, ValueId y);
  ValueId softmax_grad(ValueId dy, ValueId y);

  /// A mean over the batch; of several the sum is the program's loss(), and the first one decides
  /// which rows are right. With `gradient` it returns the gradient of this term by the prediction,
  /// else kNoValue. Targets are as large as the prediction, or one i32 label per row.
  ValueId loss(const LossFunction& function, ValueId prediction, ValueId target, bool gradient);

  void update(const UpdateRule& rule);

  /// Marks a value that is read after the run, so that its memory is not reused.
  void keep(ValueId value) { values_.at(static_cast<std::size_t>(value)).keep = true; }
  /// Names what is recorded from here on: layer index and name.
  void begin_layer(int layer, std::string name);
  void set_output(ValueId value);

  std::int64_t batch() const noexcept { return batch_; }
  bool sliced() const noexcept { return slices_ > 0; }
  /// Whether the loss and the count of right answers are complete after this op, a loss.
  bool ends_batch(const Op& loss) const;
  /// Terms of the loss.
  int loss_terms() const noexcept { return loss_terms_; }
  /// What a loss made for its prediction; kNoValue without a gradient.
  ValueId gradient_of_loss(const Op& loss) const;
  const std::vector<ParameterSpec>& parameters() const noexcept { return parameters_; }
  const std::vector<Value>& values() const noexcept { return values_; }
  const Value& value(ValueId id) const { return values_.at(static_cast<std::size_t>(id)); }
  const std::vector<Op>& ops() const noexcept { return ops_; }
  const std::vector<std::string>& layer_names() const noexcept { return layer_names_; }
  const InputTransform& input_transform() const noexcept { return transform_; }
  DType source_dtype() const noexcept { return source_; }
  TargetKind target_kind() const noexcept { return target_kind_; }
  /// Whether it ends in an update, by rule().
  bool updates() const noexcept { return !ops_.empty() && is_update(ops_.back().kind); }
  const UpdateRule& rule() const noexcept { return rule_; }
  ValueId x() const noexcept { return x_; }  // of the last slice, as target()
  ValueId target() const noexcept { return target_; }
  ValueId output() const noexcept { return output_; }
  ValueId loss() const noexcept { return loss_; }        // (1, 1)
  ValueId correct() const noexcept { return correct_; }  // (1, 1): rows whose arg max is right

  /// One line per op, as tests show it.
  std::string str() const;
  /// An op with what was fused into it, its layer and, in a slice, its rows of the batch:
  /// "linear+bias+relu  dense_1  rows 0..127".
  std::string describe(const Op& op) const;
  /// The same without the rows.
  std::string describe_work(const Op& op) const;
  /// A value that an op made: "output of dense_1", "gradient of 0.weight, rows 0..127".
  std::string describe(const Op& made_by, ValueId id) const;
  /// One line per op: its description and what `note` says of the op with this index. Slices that
  /// are like the one before them share a line.
  std::string list(const std::function<std::string(std::size_t)>& note) const;

 private:
  friend MINNOW_API Program fuse(const Program& program);

  ValueId add_value(std::string name, ValueKind kind, std::int64_t rows, std::int64_t cols);
  Op& add_op(OpKind kind, std::vector<ValueId> inputs, std::vector<ValueId> outputs);
  void require_shape(std::string_view op, std::string_view operand, ValueId id, std::int64_t rows,
                     std::int64_t cols) const;
  ValueId add_unary(OpKind kind, const Activation& activation, std::string name, ValueId x,
                    ValueId saved = kNoValue);
  void require_slot(int slot) const;
  std::int64_t rows_of(const Op& op) const;
  std::string rows_text(const Op& op) const;

  std::int64_t batch_;
  int slices_ = 0;
  std::int64_t slice_row_ = 0;
  std::int64_t slice_rows_;
  std::vector<ParameterSpec> parameters_;
  std::vector<Value> values_;
  std::vector<Op> ops_;
  std::vector<std::string> layer_names_;
  std::string layer_name_;
  int layer_ = -1;
  int slice_terms_ = 0;  // of the loss, recorded in this slice
  int loss_terms_ = 0;
  InputTransform transform_;
  DType source_ = DType::f32;
  TargetKind target_kind_ = TargetKind::none;
  UpdateRule rule_;
  ValueId x_ = kNoValue;
  ValueId target_ = kNoValue;
  ValueId output_ = kNoValue;
  ValueId loss_ = kNoValue;
  ValueId correct_ = kNoValue;
};

/// The same program with fewer ops: linear, bias and activation in one, an activation's gradient in
/// linear_input_grad, softmax or sigmoid and its gradient inside the cross-entropy. Kept values
/// stay.
MINNOW_API Program fuse(const Program& program);

}  // namespace minnow
