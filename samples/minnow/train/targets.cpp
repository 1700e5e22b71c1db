#include "train/targets.h"

#include <algorithm>
#include <cmath>

#include "data/inputs.h"
#include "terminal/exit_codes.h"
#include "terminal/numbers.h"
#include "train/recipes.h"

namespace minnow::command {
namespace {

bool one_column(const Tensor& y) { return y.shape().row_elements() == 1; }

[[noreturn]] void no_label(const std::string& option, std::int64_t row, float value) {
  throw InvalidArgument(
      {.code = "MN-N01",
       .what = "label " + exact(value) + " at row " + std::to_string(row) + " of " + option +
               " is not a whole number.",
       .evidence = "the model ends in softmax: " + option + " numbers its classes",
       .remedy = "for a regression, end --layers without softmax",
       .effect = "no training step was run"});
}

// One column of whole numbers becomes i32 labels; several columns are probabilities (one-hot).
Tensor class_targets(const std::string& option, const Tensor& y) {
  if (!one_column(y)) return y.to(DType::f32);
  if (y.dtype() == DType::f32) {
    const auto values = y.data<float>();
    for (std::size_t row = 0; row < values.size(); ++row) {
      const float value = values[row];
      if (!(std::fabs(value) < 16777216.0F) || std::floor(value) != value) {
        no_label(option, static_cast<std::int64_t>(row), value);
      }
    }
  }
  return y.to(DType::i32);
}

std::int64_t largest(const Tensor& labels) {
  const Tensor wide = labels.to(DType::i64);
  const auto values = wide.data<std::int64_t>();
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

// What suits files: integers in one column are labels.
std::string default_layers(const Inputs& inputs) {
  const Tensor& y = inputs.y;
  if (y.dtype() == DType::f32 || !one_column(y)) {
    return "64,relu," + std::to_string(y.shape().row_elements());
  }
  const std::int64_t last = largest(y);
  if (last >= y.shape().rows() || last < 0) {
    usage_error("--layers is needed: the number of classes cannot be told from --y.",
                "the largest label is " + std::to_string(last) + ", in " +
                    std::to_string(y.shape().rows()) + " rows",
                "--layers=64,relu,CLASSES,softmax");
  }
  return "64,relu," + std::to_string(last + 1) + ",softmax";
}

void require_end(const Architecture& architecture, const Inputs& inputs) {
  const bool classes = inputs.classes > 0;
  if (architecture.ends_in_softmax == classes && architecture.outputs == inputs.outputs) return;
  const std::string count = std::to_string(inputs.outputs);
  usage_error("--layers=" + architecture.text + " does not end as " + inputs.name + " needs.",
              classes
                  ? "a classification with " + count + " classes: the end is " + count + ",softmax"
                  : "a regression of " + count + (inputs.outputs == 1 ? " value" : " values") +
                        ": the end is " + count + ", without softmax",
              "--layers=" + with_end(architecture, inputs.outputs, classes));
}

void decide_targets(const Architecture& architecture, Inputs& inputs) {
  Tensor& y = inputs.y;
  if (architecture.ends_in_softmax) {
    inputs.classes = architecture.outputs;
    inputs.outputs = one_column(y) ? architecture.outputs : y.shape().row_elements();
    y = class_targets("--y", y);
    if (!inputs.test_y.empty()) inputs.test_y = class_targets("--test-y", inputs.test_y);
    return;
  }
  if (y.dtype() != DType::f32 && one_column(y)) {
    usage_error("--layers=" + architecture.text + " does not end in softmax, and --y holds labels.",
                "elements of type " + std::string(name_of(y.dtype())) + ", the largest is " +
                    std::to_string(largest(y)),
                "--layers=" + with_end(architecture, largest(y) + 1, true) +
                    ", or floating-point numbers in --y for a regression");
  }
  inputs.outputs = y.shape().row_elements();
  y = y.to(DType::f32);
  inputs.test_y = inputs.test_y.to(DType::f32);
}

}  // namespace

Architecture fit_architecture(const std::string& given, Inputs& inputs) {
  std::string text = given;
  if (text.empty() && !inputs.from_files) text = recipe_of(inputs.name).layers;
  if (text.empty() && inputs.from_files) text = default_layers(inputs);
  if (text.empty()) {
    text = with_end(parse_layers("64,relu,1"), inputs.outputs, inputs.classes > 0);
  }
  Architecture architecture = parse_layers(text);
  if (inputs.from_files) decide_targets(architecture, inputs);
  require_end(architecture, inputs);
  return architecture;
}

}  // namespace minnow::command
