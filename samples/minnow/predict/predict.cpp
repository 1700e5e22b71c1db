#include "predict/predict.h"

#include <minnow/minnow.h>

#include <algorithm>

#include "data/inputs.h"
#include "output/output_place.h"
#include "terminal/numbers.h"
#include "train/architecture.h"
#include "train/setup.h"

namespace minnow::command {
namespace {

bool is_npy(const std::string& path) { return path.size() > 4 && path.ends_with(".npy"); }
bool is_csv(const std::string& path) { return path.size() > 4 && path.ends_with(".csv"); }

Tensor chosen_rows(const Tensor& x, const PredictArguments& arguments) {
  if (!arguments.row) return x;
  const std::int64_t row = *arguments.row;
  if (row >= x.shape().rows()) {
    usage_error("--row=" + std::to_string(row) + " is past the end of " + arguments.x + ".",
                "it has " + std::to_string(x.shape().rows()) + " rows, the first is row 0");
  }
  return x.rows(row, row + 1);
}

void require_classes(const Model& model, const std::string& path) {
  const End end = end_of(model.layers());
  const std::int64_t outputs = model.outputs();
  if (end == End::softmax || (end == End::sigmoid && outputs == 1)) return;
  usage_error("--argmax: " + path + " does not tell classes apart.",
              end == End::sigmoid
                  ? cat("it ends in ", outputs, " sigmoids, labels that do not exclude each other")
                  : cat("it ends in ", model.layer_names().back(),
                        ", neither in softmax nor in a "
                        "sigmoid: its ",
                        outputs == 1 ? "output is a value" : "outputs are values"),
              "its outputs as they are, without --argmax");
}

// Of one output the probability that it is class 1, else of each class.
Tensor likeliest(const Tensor& outputs) {
  const std::int64_t rows = outputs.shape().rows();
  const auto width = static_cast<std::size_t>(outputs.shape().row_elements());
  Tensor classes(Shape{rows}, DType::i32);
  const auto from = outputs.data<float>();
  const auto to = classes.mutable_data<std::int32_t>();
  for (std::size_t row = 0; row < to.size(); ++row) {
    if (width == 1) {
      to[row] = from[row] > 0.5F ? 1 : 0;
      continue;
    }
    const auto first = from.begin() + static_cast<std::ptrdiff_t>(row * width);
    const auto last = first + static_cast<std::ptrdiff_t>(width);
    to[row] = static_cast<std::int32_t>(std::max_element(first, last) - first);
  }
  return classes;
}

// Floats with as many digits as it takes to read them back unchanged.
std::string csv_rows(const Tensor& values, std::int64_t begin, std::int64_t end) {
  const Tensor part = values.rows(begin, end);
  const auto width = static_cast<std::size_t>(part.shape().row_elements());
  const bool whole = part.dtype() == DType::i32;
  const auto count = static_cast<std::size_t>(part.shape().elements());
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += whole ? std::to_string(part.data<std::int32_t>()[i]) : exact(part.data<float>()[i]);
    text += (i + 1) % width == 0 ? '\n' : ',';
  }
  return text;
}

template <class Write>
void write_csv(const Tensor& values, Write&& write) {
  constexpr std::int64_t kRows = 4096;  // at a time
  const std::int64_t rows = values.shape().rows();
  for (std::int64_t begin = 0; begin < rows; begin += kRows) {
    write(csv_rows(values, begin, std::min(rows, begin + kRows)));
  }
}

}  // namespace

Exit run_predict(const Arguments& arguments, Terminal& terminal) {
  const auto& predict = arguments.predict;
  if (!predict.out.empty()) {
    if (!is_npy(predict.out) && !is_csv(predict.out)) {
      usage_error("--out=" + predict.out + " is of no type that minnow writes.", {},
                  "a name that ends in .npy or .csv, or no --out: CSV on standard output");
    }
    require_writable(predict.out);
  }
  const Device device = open_device(arguments.common);
  if (terminal.verbose) terminal.note("minnow: device=" + device.info().name);
  Model model = load_model(predict.model);
  if (predict.argmax) require_classes(model, predict.model);
  const Tensor x = chosen_rows(read_features("--x", predict.x), predict);
  Trainer trainer(model, mse(), sgd(), device);
  const Tensor outputs = trainer.predict(x);
  const Tensor values = predict.argmax ? likeliest(outputs) : outputs;
  if (predict.out.empty()) {
    write_csv(values, [&](const std::string& text) { terminal.out.write(text); });
  } else if (is_npy(predict.out)) {
    write_npy(predict.out, values);
  } else {
    OutputFile file(predict.out);
    write_csv(values, [&](const std::string& text) { file.write(text); });
    file.commit();
  }
  return Exit::ok;
}

}  // namespace minnow::command
