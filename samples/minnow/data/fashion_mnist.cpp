#include "data/fashion_mnist.h"

#include <minnow/idx.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "data/check_files.h"
#include "terminal/numbers.h"

namespace minnow::command {
namespace {

std::string content_of(const Tensor& tensor) {
  return cat("it holds ", tensor.shape().str(), " of ", name_of(tensor.dtype()));
}

std::pair<Tensor, Tensor> read_part(const std::string& x_path, const std::string& y_path) {
  Tensor x = read_idx(x_path);
  Tensor y = read_idx(y_path);
  if (x.dtype() != DType::u8 || x.shape() != Shape{x.shape().rows(), 28, 28}) {
    fail_foreign(x_path, 4, "file of 28 x 28 images", content_of(x));
  }
  if (y.dtype() != DType::u8 || y.shape().rank() != 1) {
    fail_foreign(y_path, 4, "file of labels", content_of(y));
  }
  require_rows(y_path, y.shape().rows(), x.shape().rows());
  const auto labels = y.data<std::uint8_t>();
  const auto bad = std::ranges::find_if(labels, [](std::uint8_t label) { return label > 9; });
  if (bad != labels.end()) {
    const std::int64_t row = bad - labels.begin();
    fail_damaged(y_path, 8 + row, cat("label ", int{*bad}, " of row ", row, " is outside 0..9"));
  }
  return {std::move(x), std::move(y)};
}

}  // namespace

Dataset read_fashion_mnist(const std::vector<std::string>& paths) {
  Dataset data{.classes = 10, .transform = {.offset = {0.0F}, .scale = {1.0F / 255.0F}}};
  std::tie(data.x_train, data.y_train) = read_part(paths[0], paths[1]);
  std::tie(data.x_test, data.y_test) = read_part(paths[2], paths[3]);
  return data;
}

}  // namespace minnow::command
