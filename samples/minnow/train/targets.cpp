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

// After a sigmoid: each column is 0, 1 or a probability between them. One column of integers
// becomes i32 labels. What is not finite is the library's to refuse.
Tensor yes_or_no(const std::string& option, const Tensor& y) {
  const Tensor values = y.to(DType::f32);
  const auto numbers = values.data<float>();
  const auto cols = static_cast<std::size_t>(y.shape().row_elements());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const float value = numbers[i];
    if ((value >= 0.0F && value <= 1.0F) || !std::isfinite(value)) continue;
    const std::string column = cols == 1 ? "" : cat(", column ", i % cols);
    throw InvalidArgument(
        {.code = "MN-N01",
         .what = cat("label ", exact(value), " at row ", i / cols, column, " of ", option,
                     " is neither 0 nor 1."),
         .evidence = cols == 1 ? "the model ends in one sigmoid: it tells two classes apart"
                               : "the model ends in sigmoid: each column is a label of its own",
         .remedy =
             "write 0 and 1 (or a probability); for more classes end --layers in softmax, for "
             "a regression without sigmoid",
         .effect = "no training step was run"});
  }
  return one_column(y) && y.dtype() != DType::f32 ? y.to(DType::i32) : values;
}

// What suits files: unless a loss was given, integers in one column are labels.
std::string default_layers(const std::string& loss, const Inputs& inputs) {
  const Tensor& y = inputs.y;
  const bool labels = y.dtype() != DType::f32 && one_column(y);
  const End end = targets_of(loss).value_or(labels ? End::softmax : End::numbers);
  const std::string hidden = "64,relu";
  if (end != End::softmax || !one_column(y)) return with_end(hidden, y.shape().row_elements(), end);
  const std::int64_t last = largest(class_targets("--y", y));
  if (last >= y.shape().rows() || last < 1) {
    usage_error("--layers is needed: the number of classes cannot be told from --y.",
                "the largest label is " + std::to_string(last) + ", in " +
                    std::to_string(y.shape().rows()) + " rows",
                "--layers=64,relu,CLASSES,softmax");
  }
  return with_end(hidden, last + 1, end);
}

Tensor converted(End targets, const std::string& option, const Tensor& y) {
  switch (targets) {
    case End::softmax:
      return class_targets(option, y);
    case End::sigmoid:
      return yes_or_no(option, y);
    case End::numbers:
      return y.to(DType::f32);
  }
  return y;
}

void require_numbers(const Architecture& architecture, const Inputs& inputs) {
  const Tensor& y = inputs.y;
  if (y.dtype() == DType::f32 || !one_column(y)) return;
  const std::int64_t last = largest(y);
  const bool two = last <= 1;
  usage_error(
      "--layers=" + architecture.text + " does not end in softmax, and --y holds labels.",
      "elements of type " + std::string(name_of(y.dtype())) + ", the largest is " +
          std::to_string(last),
      "--layers=" +
          with_end(architecture.text, two ? 1 : last + 1, two ? End::sigmoid : End::softmax) +
          ", or --loss=mse for a regression");
}

std::string words_for(std::int64_t outputs, End end) {
  const std::string count = std::to_string(outputs);
  const char* plural = outputs == 1 ? "" : "s";
  switch (end) {
    case End::softmax:
      return cat("a classification with ", count, " classes: the end is ", count, ",softmax");
    case End::sigmoid:
      return cat(count, " column", plural, " of targets: the end is ", count, ",sigmoid");
    case End::numbers:
      return cat("a regression of ", count, " value", plural, ": the end is ", count,
                 ", without softmax or sigmoid");
  }
  return {};
}

void require_end(const Task& task, const std::string& loss_name, const Inputs& inputs) {
  const auto& [architecture, loss] = task;
  End end = loss.targets;
  std::int64_t outputs = inputs.outputs;
  if (!inputs.from_files) {
    end = inputs.classes > 0 ? End::softmax : End::numbers;
    if (inputs.classes == 2 && loss.targets == End::sigmoid) {
      end = End::sigmoid;
      outputs = 1;
    }
  }
  if (architecture.outputs == outputs && loss.targets == end) return;
  if (architecture.outputs == outputs && architecture.end == end) {
    usage_error("--loss=" + loss_name + " does not suit " + inputs.name + ", which holds classes.",
                {}, "--loss=auto");
  }
  std::string remedy = "--layers=" + with_end(architecture.text, outputs, end);
  if (architecture.end != End::numbers && architecture.outputs > 1 && one_column(inputs.y) &&
      inputs.from_files) {
    remedy =
        "for classes --layers=" + with_end(architecture.text, architecture.outputs, End::softmax) +
        " with --loss=auto, else " + remedy;
  }
  usage_error("--layers=" + architecture.text + " does not end as " + inputs.name + " needs.",
              words_for(outputs, end), remedy);
}

}  // namespace

Task decide_task(const TrainingArguments& arguments, Inputs& inputs) {
  std::string text = arguments.layers;
  if (text.empty() && !inputs.from_files) text = recipe_of(inputs.name).layers;
  if (text.empty() && inputs.from_files) text = default_layers(arguments.loss, inputs);
  if (text.empty()) {
    text = with_end("64,relu", inputs.outputs, inputs.classes > 0 ? End::softmax : End::numbers);
  }
  Task task{.architecture = parse_layers(text)};
  task.loss = choose_loss(arguments.loss, task.architecture);
  const End targets = task.loss.targets;
  if (inputs.from_files) {
    if (targets == End::numbers && !targets_of(arguments.loss)) {
      require_numbers(task.architecture, inputs);
    }
    const bool labels = targets == End::softmax && one_column(inputs.y);
    inputs.outputs = labels ? task.architecture.outputs : inputs.y.shape().row_elements();
    if (targets == End::softmax) inputs.classes = inputs.outputs;
  }
  require_end(task, arguments.loss, inputs);
  if (inputs.from_files) {
    inputs.y = converted(targets, "--y", inputs.y);
    if (!inputs.test_y.empty()) inputs.test_y = converted(targets, "--test-y", inputs.test_y);
  }
  return task;
}

}  // namespace minnow::command
