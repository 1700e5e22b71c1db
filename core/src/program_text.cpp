// A program as people read it.

#include <minnow/base/text.h>
#include <minnow/program.h>

namespace minnow {
namespace {

std::string extents(const Value& value) { return cat("(", value.rows, ", ", value.cols, ")"); }

std::string row_range(std::int64_t first, std::int64_t last) {
  return first == last ? cat("row ", first) : cat("rows ", first, "..", last);
}

}  // namespace

std::string Program::rows_text(const Op& op) const {
  const std::int64_t rows = rows_of(op);
  return !sliced() || rows == 0 ? "" : row_range(op.row, op.row + rows - 1);
}

std::string text_of(const Op& op) {
  const std::string function = text_of(op.activation);
  const bool fused = op.activation.kind != ActivationKind::identity;
  const bool third = op.inputs.size() > 2;
  switch (op.kind) {
    case OpKind::activate:
      return function;
    case OpKind::activate_grad:
      return cat(function, "_grad");
    case OpKind::linear:
      return cat(name_of(op.kind), third ? "+bias" : "", fused ? "+" : "", fused ? function : "");
    case OpKind::linear_input_grad:
      return cat(name_of(op.kind), third ? cat("+", function, "_grad") : "");
    case OpKind::loss:
      return std::string(traits_of(op.loss.kind).name);
    case OpKind::gather:
    case OpKind::linear_weight_grad:
    case OpKind::add_bias:
    case OpKind::bias_grad:
    case OpKind::add:
    case OpKind::softmax:
    case OpKind::softmax_grad:
    case OpKind::update:
      return std::string(name_of(op.kind));
  }
  return "";
}

std::string Program::describe_work(const Op& op) const {
  std::string text = cat(text_of(op), op.accumulate ? ", added" : "");
  if (op.layer >= 0) text += cat("  ", layer_names_[static_cast<std::size_t>(op.layer)]);
  return text;
}

std::string Program::describe(const Op& op) const {
  const std::string rows = rows_text(op);
  return cat(describe_work(op), rows.empty() ? "" : "  ", rows);
}

std::string Program::describe(const Op& made_by, ValueId id) const {
  const ValueKind kind = value(id).kind;
  // A gradient's name says whose it is.
  const bool of_layer = kind != ValueKind::gradient && made_by.layer >= 0;
  // A result is of the whole batch.
  const std::string rows = kind == ValueKind::result ? "" : rows_text(made_by);
  return cat(value(id).name, of_layer ? " of " : "",
             of_layer ? layer_names_[static_cast<std::size_t>(made_by.layer)] : "",
             rows.empty() ? "" : ", ", rows);
}

std::string Program::list(const std::function<std::string(std::size_t)>& note) const {
  std::string text;
  std::vector<std::string> before;  // the work of the last slice that was listed
  std::int64_t alike = -1;          // where the slices begin that are like it
  const auto end_alike = [&](std::int64_t row) {
    if (alike >= 0) text += cat("  ", row_range(alike, row - 1), ": as the slice before\n");
    alike = -1;
  };
  for (std::size_t begin = 0, end = 0; begin < ops_.size(); begin = end) {
    const Op& first = ops_[begin];
    std::vector<std::string> work;
    std::string lines;
    // An update is of no slice.
    for (; end < ops_.size() && ops_[end].row == first.row &&
           (end == begin || rows_of(ops_[end]) > 0);
         ++end) {
      work.push_back(cat(describe_work(ops_[end]), note(end)));
      lines += cat("  ", describe(ops_[end]), note(end), "\n");
    }
    if (work == before && rows_of(first) > 0) {
      if (alike < 0) alike = first.row;
      continue;
    }
    end_alike(rows_of(first) > 0 ? first.row : batch_);
    text += lines;
    before = std::move(work);
  }
  end_alike(batch_);
  return text;
}

std::string Program::str() const {
  std::string text;
  for (const Op& op : ops_) {
    text += cat(text_of(op), " ");
    for (const ValueId id : op.inputs) text += cat("%", id, extents(value(id)), " ");
    text += op.accumulate ? "+=" : "->";
    for (const ValueId id : op.outputs) text += cat(" %", id, extents(value(id)));
    if (op.layer >= 0) text += cat("  ", layer_names_[static_cast<std::size_t>(op.layer)]);
    const std::string rows = rows_text(op);
    text += cat(rows.empty() ? "" : "  ", rows, "\n");
  }
  return text;
}

}  // namespace minnow
