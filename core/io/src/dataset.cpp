#include <minnow/csv.h>
#include <minnow/dataset.h>
#include <minnow/error.h>
#include <minnow/idx.h>
#include <minnow/random.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <string_view>
#include <tuple>
#include <utility>

#include "builtin_data.h"
#include "fail.h"

namespace minnow {
namespace {

constexpr std::string_view kFashionDirectory = "/usr/share/datasets/fashion-mnist/";
constexpr std::string_view kImages = "-images-idx3-ubyte.gz";
constexpr std::string_view kLabels = "-labels-idx1-ubyte.gz";
constexpr std::string_view kSklearnDirectory =
    "/usr/lib/python3/dist-packages/sklearn/datasets/data/";

/// A table of numbers from python3-sklearn: the label is the last column, or the target a file of
/// its own.
struct Table {
  std::string_view name;
  std::string_view file;
  std::string_view target_file;
  char separator;
  std::int64_t features;
  std::vector<std::string> class_names;
};

const std::vector<Table>& tables() {
  static const std::vector<Table> kTables = {
      {"digits", "digits.csv.gz", "", ',', 64, {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}},
      {"iris", "iris.csv", "", ',', 4, {"setosa", "versicolor", "virginica"}},
      {"wine", "wine_data.csv", "", ',', 13, {"class_0", "class_1", "class_2"}},
      {"breast_cancer", "breast_cancer.csv", "", ',', 30, {"malignant", "benign"}},
      {"diabetes", "diabetes_data_raw.csv.gz", "diabetes_target.csv.gz", ' ', 10, {}}};
  return kTables;
}

/// Files of one package below a root.
struct Package {
  std::string name;
  std::string directory;
  std::string_view dataset;

  std::string path(std::string_view file) const {
    std::string full = cat(directory, file);
    struct stat status {};
    if (::stat(full.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
      fail_argument("MN-P09", cat("data set \"", dataset, "\" is not installed."),
                    cat(full, " does not exist"), cat("sudo apt-get install ", name));
    }
    return full;
  }
};

void require_rows(const std::string& path, std::int64_t rows, std::int64_t expected) {
  if (rows == expected && rows > 0) return;
  fail_damaged(path, 0, cat("it has ", rows, " rows, its other file has ", expected));
}

std::pair<Tensor, Tensor> read_images(const Package& package, std::string_view part) {
  const std::string x_path = package.path(cat(part, kImages));
  const std::string y_path = package.path(cat(part, kLabels));
  Tensor x = read_idx(x_path);
  Tensor y = read_idx(y_path);
  if (x.dtype() != DType::u8 || x.shape() != Shape{x.shape().rows(), 28, 28}) {
    fail_foreign(x_path, 4, "file of 28 x 28 images",
                 cat("it holds ", x.shape().str(), " of ", name_of(x.dtype())));
  }
  if (y.dtype() != DType::u8 || y.shape().rank() != 1) {
    fail_foreign(y_path, 4, "file of labels",
                 cat("it holds ", y.shape().str(), " of ", name_of(y.dtype())));
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

Dataset load_fashion_mnist(const std::string& root) {
  const Package package{"dataset-fashion-mnist", cat(root, kFashionDirectory), "fashion-mnist"};
  Dataset data;
  std::tie(data.x_train, data.y_train) = read_images(package, "train");
  std::tie(data.x_test, data.y_test) = read_images(package, "t10k");
  data.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  data.transform = {.offset = {0.0F}, .scale = {1.0F / 255.0F}};
  return data;
}

/// Splits off the last column as labels 0..classes-1.
std::pair<Tensor, Tensor> split_labels(const std::string& path, const Tensor& all,
                                       std::int64_t classes) {
  const std::int64_t rows = all.shape().rows();
  const std::int64_t features = all.shape()[1] - 1;
  Tensor x(Shape{rows, features});
  Tensor y(Shape{rows}, DType::i32);
  auto from = all.data<float>();
  auto to = x.mutable_data<float>();
  std::int64_t row = 0;
  for (std::int32_t& label : y.mutable_data<std::int32_t>()) {
    const auto count = static_cast<std::size_t>(features);
    std::ranges::copy(from.first(count), to.begin());
    const float value = from[count];
    if (!(value >= 0.0F && value < static_cast<float>(classes) && value == std::floor(value))) {
      fail_damaged(path, 0, cat("label ", value, " of row ", row, " is none of 0..", classes - 1));
    }
    label = static_cast<std::int32_t>(value);
    from = from.subspan(count + 1);
    to = to.subspan(count);
    ++row;
  }
  return {std::move(x), std::move(y)};
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

Dataset load_table(const Table& table, std::uint64_t seed, const std::string& root) {
  const Package package{"python3-sklearn", cat(root, kSklearnDirectory), table.name};
  const bool regression = !table.target_file.empty();
  const std::string path = package.path(table.file);
  const std::string target_path = regression ? package.path(table.target_file) : "";
  const Tensor all =
      read_csv(path, {.separator = table.separator, .header = CsvOptions::Header::automatic});
  const std::int64_t columns = table.features + (regression ? 0 : 1);
  if (all.shape()[1] != columns) {
    fail_foreign(path, 0, cat(table.name, " data set"),
                 cat("it has ", all.shape()[1], " columns, not ", columns));
  }
  Tensor x = all;
  Tensor y;
  if (regression) {
    y = read_csv(target_path);
    require_rows(target_path, y.shape().rows(), x.shape().rows());
    if (y.shape()[1] != 1) {
      fail_foreign(target_path, 0, "file of targets", cat("it has ", y.shape()[1], " columns"));
    }
  } else {
    std::tie(x, y) = split_labels(path, all, static_cast<std::int64_t>(table.class_names.size()));
  }

  const std::int64_t rows = x.shape().rows();
  const std::int64_t train = rows - (rows + 4) / 5;  // 80/20, as scikit-learn rounds
  if (train < 1) fail_damaged(path, 0, cat("it has too few rows to split: ", rows));
  const Permutation permutation(static_cast<std::uint64_t>(rows), seed, 0);
  x = permuted<float>(x, permutation);
  y = regression ? permuted<float>(y, permutation) : permuted<std::int32_t>(y, permutation);
  Dataset data;
  data.x_train = x.rows(0, train);
  data.y_train = y.rows(0, train);
  data.x_test = x.rows(train, rows);
  data.y_test = y.rows(train, rows);
  data.class_names = table.class_names;
  data.transform = standardize(data.x_train);
  return data;
}

[[noreturn]] void fail_unknown(const std::string& name) {
  std::string names;
  for (const DatasetInfo& info : dataset_infos()) {
    names += cat(names.empty() ? "" : ", ", info.name);
  }
  fail_argument("MN-U01", cat("there is no data set named ", in_quotes(name), "."), {},
                cat("use one of ", names));
}

Dataset load(const std::string& name, std::uint64_t seed, const std::string& root) {
  if (name == "toy") return make_toy(seed);
  if (name == "friedman1") return make_friedman1(seed);
  if (name == "fashion-mnist") return load_fashion_mnist(root);
  for (const Table& table : tables()) {
    if (table.name == name) return load_table(table, seed, root);
  }
  fail_unknown(name);
}

std::vector<std::string> files_of(const std::string& name) {
  if (name == "toy" || name == "friedman1") return {};
  if (name == "fashion-mnist") {
    std::vector<std::string> files;
    for (const std::string_view part : {"train", "t10k"}) {
      for (const std::string_view file : {kImages, kLabels}) {
        files.push_back(cat(kFashionDirectory, part, file));
      }
    }
    return files;
  }
  for (const Table& table : tables()) {
    if (table.name != name) continue;
    std::vector<std::string> files = {cat(kSklearnDirectory, table.file)};
    if (!table.target_file.empty()) files.push_back(cat(kSklearnDirectory, table.target_file));
    return files;
  }
  fail_unknown(name);
}

}  // namespace

const std::vector<DatasetInfo>& dataset_infos() {
  static const std::vector<DatasetInfo> kInfos = {
      {"fashion-mnist", "dataset-fashion-mnist", "60000 + 10000 images of 28 x 28, 10 classes"},
      {"digits", "python3-sklearn", "1797 images of 8 x 8, 10 classes"},
      {"iris", "python3-sklearn", "150 x 4, 3 classes"},
      {"wine", "python3-sklearn", "178 x 13, 3 classes"},
      {"breast_cancer", "python3-sklearn", "569 x 30, 2 classes"},
      {"diabetes", "python3-sklearn", "442 x 10, regression"},
      {"friedman1", "", "4000 + 1000 x 10, regression; best possible mean squared error 1"},
      {"toy", "", "100 x 10, regression on random numbers"}};
  return kInfos;
}

Dataset load_dataset(const std::string& name, std::uint64_t seed, const std::string& root) {
  Dataset data = load(name, seed, root);
  data.name = name;
  data.classes = static_cast<std::int64_t>(data.class_names.size());
  return data;
}

bool dataset_installed(const std::string& name, const std::string& root) {
  return std::ranges::all_of(files_of(name), [&root](const std::string& file) {
    return ::access(cat(root, file).c_str(), R_OK) == 0;
  });
}

InputTransform standardize(const Tensor& x) {
  const std::int64_t rows = x.shape().rows();
  const auto width = static_cast<std::size_t>(x.shape().row_elements());
  if (x.empty()) fail_argument("MN-N07", cat("data of shape ", x.shape().str(), " has no rows."));
  const Tensor floats = x.to(DType::f32);
  const auto values = floats.data<float>();
  InputTransform transform{.offset = std::vector<float>(width), .scale = std::vector<float>(width)};
  for (std::size_t feature = 0; feature < width; ++feature) {
    double sum = 0.0;
    bool constant = true;
    for (std::size_t i = feature; i < values.size(); i += width) {
      if (!std::isfinite(values[i])) {
        fail_argument("MN-N04", cat("row ", i / width, ", column ", feature, " is ", values[i],
                                    ": a feature with it cannot be standardized."));
      }
      sum += values[i];
      constant = constant && values[i] == values[feature];
    }
    const double mean = sum / static_cast<double>(rows);
    double squares = 0.0;
    for (std::size_t i = feature; i < values.size(); i += width) {
      squares += (values[i] - mean) * (values[i] - mean);
    }
    const double deviation = std::sqrt(squares / static_cast<double>(rows));
    const auto scale = static_cast<float>(1.0 / deviation);
    transform.offset[feature] = constant ? values[feature] : static_cast<float>(mean);
    transform.scale[feature] = constant || !std::isfinite(scale) ? 1.0F : scale;
  }
  return transform;
}

}  // namespace minnow
