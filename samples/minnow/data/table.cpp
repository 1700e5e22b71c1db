#include "data/table.h"

#include <minnow/csv.h>
#include <minnow/random.h>
#include <minnow/standardize.h>

#include <algorithm>
#include <cmath>

#include "data/check_files.h"
#include "terminal/numbers.h"

namespace minnow::command {
namespace {

Tensor read_columns(const Table& table, const std::string& path, char separator,
                    std::int64_t columns) {
  Tensor all = read_csv(path, {.separator = separator, .header = CsvOptions::Header::automatic});
  const std::int64_t found = all.shape()[1];
  if (found != columns) {
    fail_foreign(path, 0, cat(table.name, " data set"),
                 cat("it has ", found, " columns, not ", columns));
  }
  return all;
}

/// Rows in the order of a seeded permutation.
template <class T>
Tensor permuted(const Tensor& from, const Permutation& permutation) {
  Tensor to(from.shape(), from.dtype());
  const auto width = static_cast<std::size_t>(from.shape().row_elements());
  const auto source = from.data<T>();
  auto target = to.mutable_data<T>();
  for (std::size_t row = 0; row * width < target.size(); ++row) {
    const auto part = source.subspan(permutation(row) * width, width);
    std::ranges::copy(part, target.subspan(row * width).begin());
  }
  return to;
}

template <class Label>
Dataset split(const std::string& path, const Tensor& x, const Tensor& y, std::uint64_t seed) {
  const std::int64_t rows = x.shape().rows();
  const std::int64_t train = rows - (rows + 4) / 5;  // as scikit-learn rounds
  if (train < 1) fail_damaged(path, 0, cat("it has too few rows to split: ", rows));
  const Permutation permutation(static_cast<std::uint64_t>(rows), seed, 0);
  const Tensor mixed_x = permuted<float>(x, permutation);
  const Tensor mixed_y = permuted<Label>(y, permutation);
  return {.x_train = mixed_x.rows(0, train),
          .y_train = mixed_y.rows(0, train),
          .x_test = mixed_x.rows(train, rows),
          .y_test = mixed_y.rows(train, rows),
          .transform = standardize(mixed_x.rows(0, train))};
}

}  // namespace

Dataset read_classes(const Table& table, const std::string& path, std::uint64_t seed) {
  const Tensor all = read_columns(table, path, ',', table.features + 1);
  const std::int64_t rows = all.shape().rows();
  Tensor x(Shape{rows, table.features});
  Tensor y(Shape{rows}, DType::i32);
  auto from = all.data<float>();
  auto to = x.mutable_data<float>();
  const auto count = static_cast<std::size_t>(table.features);
  std::int64_t row = 0;
  for (std::int32_t& label : y.mutable_data<std::int32_t>()) {
    std::ranges::copy(from.first(count), to.begin());
    const float value = from[count];
    if (!(value >= 0.0F && value < static_cast<float>(table.classes) &&
          value == std::floor(value))) {
      fail_damaged(
          path, 0,
          cat("label ", exact(value), " of row ", row, " is none of 0..", table.classes - 1));
    }
    label = static_cast<std::int32_t>(value);
    from = from.subspan(count + 1);
    to = to.subspan(count);
    ++row;
  }
  Dataset data = split<std::int32_t>(path, x, y, seed);
  data.classes = table.classes;
  return data;
}

Dataset read_values(const Table& table, const std::string& path, const std::string& target_path,
                    std::uint64_t seed) {
  const Tensor x = read_columns(table, path, ' ', table.features);
  const Tensor y = read_csv(target_path);
  require_rows(target_path, y.shape().rows(), x.shape().rows());
  if (y.shape()[1] != 1) {
    fail_foreign(target_path, 0, "file of targets", cat("it has ", y.shape()[1], " columns"));
  }
  return split<float>(path, x, y, seed);
}

}  // namespace minnow::command
