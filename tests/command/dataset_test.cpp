#include "data/dataset.h"

#include <gtest/gtest.h>
#include <minnow/error.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <vector>

#include "terminal/exit_codes.h"
#include "test_files.h"

namespace minnow::test {
namespace {

using namespace minnow_test;
using command::Dataset;
using command::dataset_infos;
using command::dataset_installed;
using command::load_dataset;

const std::string kSklearn = "/usr/lib/python3/dist-packages/sklearn/datasets/data/";
const std::string kFashion = "/usr/share/datasets/fashion-mnist/";

double mean_of(const Tensor& tensor) {
  const auto values = tensor.data<float>();
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(Dataset, ToyIsUniformAndDependsOnTheSeedAlone) {
  const Dataset data = load_dataset("toy", 1);
  EXPECT_EQ(data.x_train.shape(), Shape({100, 10}));
  EXPECT_EQ(data.y_train.shape(), Shape({100, 1}));
  EXPECT_TRUE(data.x_test.empty());
  EXPECT_EQ(data.classes, 0);
  for (const float value : data.x_train.data<float>()) EXPECT_TRUE(value >= 0 && value < 1);
  EXPECT_NEAR(mean_of(data.x_train), 0.5, 0.05);
  EXPECT_TRUE(same(load_dataset("toy", 1).x_train, data.x_train));
  EXPECT_FALSE(same(load_dataset("toy", 2).x_train, data.x_train));
  const auto x = data.x_train.data<float>();
  const auto y = data.y_train.data<float>();
  EXPECT_FALSE(std::equal(y.begin(), y.end(), x.begin())) << "x and y share their numbers";
}

TEST(Dataset, FriedmanHasItsFormulaAndNoiseOfVarianceOne) {
  const Dataset data = load_dataset("friedman1", 3);
  EXPECT_EQ(data.x_train.shape(), Shape({4000, 10}));
  EXPECT_EQ(data.y_train.shape(), Shape({4000, 1}));
  EXPECT_EQ(data.x_test.shape(), Shape({1000, 10}));
  EXPECT_EQ(data.y_test.shape(), Shape({1000, 1}));
  const auto x = data.x_train.data<float>();
  const auto y = data.y_train.data<float>();
  double sum = 0.0;
  double squares = 0.0;
  for (std::size_t row = 0; row < y.size(); ++row) {
    const float* f = &x[row * 10];
    const double noise = y[row] - (10 * std::sin(M_PI * f[0] * f[1]) +
                                   20 * std::pow(f[2] - 0.5, 2) + 10 * f[3] + 5 * f[4]);
    sum += noise;
    squares += noise * noise;
  }
  EXPECT_NEAR(sum / 4000, 0.0, 0.06);
  EXPECT_NEAR(squares / 4000, 1.0, 0.08);
}

TEST(Dataset, UnknownNamesListTheKnownOnes) {
  const auto error = expect_throw<command::UsageError>([] { load_dataset("mnist\n", 1); });
  EXPECT_EQ(error.code(), minnow::Code("MN-U01"));
  EXPECT_EQ(error.cause(), "there is no data set named \"mnist\\x0a\".");
  EXPECT_THROW(dataset_installed("mnist"), command::UsageError);
  for (const command::DatasetInfo& info : dataset_infos()) {
    EXPECT_NE(error.remedy().find(info.name), std::string::npos);
  }
}

TEST(Dataset, AMissingPackageComesWithItsInstallLine) {
  const TempDir root;
  for (const command::DatasetInfo& info : dataset_infos()) {
    SCOPED_TRACE(info.name);
    EXPECT_EQ(dataset_installed(info.name, root.path()), info.package.empty());
    if (info.package.empty()) {
      EXPECT_NO_THROW(load_dataset(info.name, 0, root.path()));
      continue;
    }
    const auto error =
        expect_throw<InvalidArgument>([&] { load_dataset(info.name, 0, root.path()); });
    EXPECT_EQ(error.code(), minnow::Code("MN-P09"));
    EXPECT_EQ(error.cause(), "data set \"" + info.name + "\" is not installed.");
    EXPECT_EQ(error.remedy(), "sudo apt-get install " + info.package);
    EXPECT_TRUE(error.evidence().starts_with(root.path() + "/usr/")) << error.evidence();
    EXPECT_TRUE(error.evidence().ends_with(" does not exist"));
  }
}

/// A data set's files below a temporary root.
class InstalledFiles : public testing::Test {
 protected:
  void install(const std::string& path, const std::string& content) {
    const std::string full = root_.path() + path;
    std::filesystem::create_directories(std::filesystem::path(full).parent_path());
    spit(full, content);
  }
  void install_images(int images, int labels, char label = 9) {
    const auto count = [](int value) { return bytes({0, 0, 0, value}); };
    for (const char* part : {"train", "t10k"}) {
      install(kFashion + part + "-images-idx3-ubyte.gz",
              gzip(bytes({0, 0, 8, 3}) + count(images) + count(28) + count(28) +
                   std::string(static_cast<std::size_t>(images) * 784, '\1')));
      install(kFashion + part + "-labels-idx1-ubyte.gz",
              gzip(bytes({0, 0, 8, 1}) + count(labels) +
                   std::string(static_cast<std::size_t>(labels), label)));
    }
  }
  Dataset load(const std::string& name, std::uint64_t seed = 0) {
    return load_dataset(name, seed, root_.path());
  }

  TempDir root_;
};

TEST_F(InstalledFiles, FashionMnist) {
  install_images(3, 3);
  const Dataset data = load("fashion-mnist");
  EXPECT_EQ(data.x_train.shape(), Shape({3, 28, 28}));
  EXPECT_EQ(data.x_train.dtype(), DType::u8);
  EXPECT_EQ(data.y_test.data<std::uint8_t>()[2], 9);
  EXPECT_EQ(data.classes, 10);
  EXPECT_EQ(data.transform.scale, std::vector<float>{1.0F / 255.0F});
}

TEST_F(InstalledFiles, AllOfThemMakeADataSetInstalled) {
  install_images(3, 3);
  EXPECT_TRUE(dataset_installed("fashion-mnist", root_.path()));
  std::filesystem::remove(root_.path() + kFashion + "t10k-labels-idx1-ubyte.gz");
  EXPECT_FALSE(dataset_installed("fashion-mnist", root_.path()));
  install(kSklearn + "diabetes_data_raw.csv.gz", "");
  EXPECT_FALSE(dataset_installed("diabetes", root_.path()));
  install(kSklearn + "diabetes_target.csv.gz", "");
  EXPECT_TRUE(dataset_installed("diabetes", root_.path())) << "content is not looked at";
}

TEST_F(InstalledFiles, FashionMnistIsChecked) {
  const std::string images = root_.path() + kFashion + "train-images-idx3-ubyte.gz";
  const std::string labels = root_.path() + kFashion + "train-labels-idx1-ubyte.gz";
  const auto read = [&] { load("fashion-mnist"); };
  install_images(3, 2);
  expect_format_error(labels, "it has 2 rows, its other file has 3", read);
  install_images(0, 0);
  expect_format_error(labels, "it has 0 rows", read);
  install_images(2, 2, 10);
  expect_format_error(labels, "label 10 of row 0 is outside 0..9", read);
  install_images(2, 2);
  install(kFashion + "train-labels-idx1-ubyte.gz", slurp(images));
  expect_format_error(labels, "is no file of labels: it holds (2, 28, 28) of u8", read);
  install_images(2, 2);
  install(kFashion + "train-images-idx3-ubyte.gz", slurp(labels));
  expect_format_error(images, "is no file of 28 x 28 images: it holds (2,) of u8", read);
  install(kFashion + "train-images-idx3-ubyte.gz", slurp(labels).substr(0, 20));
  expect_format_error(images, "the gzip data ends in the middle", read);
}

TEST_F(InstalledFiles, ATableIsSplitBySeed) {
  std::string csv = "10,4,a,b,c\n";
  for (int row = 0; row < 10; ++row) {
    const std::string value = std::to_string(row);
    csv += value + ",5," + value + "5,1e-3," + std::to_string(row % 3) + "\n";
  }
  install(kSklearn + "iris.csv", csv);
  const Dataset data = load("iris", 4);
  EXPECT_EQ(data.x_train.shape(), Shape({8, 4}));
  EXPECT_EQ(data.y_train.shape(), Shape({8}));
  EXPECT_EQ(data.y_train.dtype(), DType::i32);
  EXPECT_EQ(data.x_test.shape(), Shape({2, 4}));
  EXPECT_EQ(data.classes, 3);
  std::vector<float> seen;
  for (const auto* part : {&data.x_train, &data.x_test}) {
    const auto& labels = part == &data.x_train ? data.y_train : data.y_test;
    for (std::int64_t row = 0; row < part->shape().rows(); ++row) {
      const float id = part->data<float>()[static_cast<std::size_t>(row) * 4];
      seen.push_back(id);
      EXPECT_EQ(labels.data<std::int32_t>()[static_cast<std::size_t>(row)],
                static_cast<int>(id) % 3);
    }
  }
  EXPECT_FALSE(std::is_sorted(seen.begin(), seen.end()));
  std::sort(seen.begin(), seen.end());
  for (std::size_t row = 0; row < 10; ++row) EXPECT_EQ(seen[row], static_cast<float>(row));
  EXPECT_TRUE(same(load("iris", 4).x_train, data.x_train));
  EXPECT_FALSE(same(load("iris", 5).x_train, data.x_train));
  EXPECT_EQ(data.transform.offset.at(1), 5.0F);
  EXPECT_EQ(data.transform.scale.at(1), 1.0F) << "a constant feature";
}

TEST_F(InstalledFiles, TablesAreChecked) {
  const std::string path = root_.path() + kSklearn + "iris.csv";
  const auto read = [&] { load("iris"); };
  install(kSklearn + "iris.csv", "1,2,3,0\n1,2,3,1\n");
  expect_format_error(path, "is no iris data set: it has 4 columns, not 5", read);
  for (const char* label : {"3", "-1", "0.5", "nan"}) {
    install(kSklearn + "iris.csv", std::string("1,2,3,4,0\n1,2,3,4,") + label + "\n");
    expect_format_error(path, " of row 1 is none of 0..2", read);
  }
  install(kSklearn + "iris.csv", "1,2,3,4,0\n");
  expect_format_error(path, "too few rows to split: 1", read);

  const std::string target = root_.path() + kSklearn + "diabetes_target.csv.gz";
  install(kSklearn + "diabetes_data_raw.csv.gz", "1 2 3 4 5 6 7 8 9 10\n1 2 3 4 5 6 7 8 9 11\n");
  install(kSklearn + "diabetes_target.csv.gz", "1\n2\n3\n");
  expect_format_error(target, "it has 3 rows, its other file has 2", [&] { load("diabetes"); });
  install(kSklearn + "diabetes_target.csv.gz", "1,2\n2,3\n");
  expect_format_error(target, "it has 2 columns", [&] { load("diabetes"); });
}

struct Real {
  const char* name;
  Shape x_train, y_train, x_test;
  std::int64_t classes;
};
void PrintTo(const Real& real, std::ostream* out) { *out << real.name; }
class RealFiles : public testing::TestWithParam<Real> {};

TEST_P(RealFiles, AreRead) {
  const Real& real = GetParam();
  Dataset data;
  try {
    data = load_dataset(real.name, 1);
  } catch (const InvalidArgument& error) {
    if (error.code() == "MN-P09") GTEST_SKIP() << error.what();
    throw;
  }
  EXPECT_EQ(data.x_train.shape(), real.x_train) << data.x_train.shape().str();
  EXPECT_EQ(data.y_train.shape(), real.y_train) << data.y_train.shape().str();
  EXPECT_EQ(data.x_test.shape(), real.x_test) << data.x_test.shape().str();
  EXPECT_EQ(data.classes, real.classes);
  if (data.x_train.dtype() == DType::f32) {
    EXPECT_EQ(static_cast<std::int64_t>(data.transform.scale.size()),
              data.x_train.shape().row_elements());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Debian, RealFiles,
    testing::Values(Real{"fashion-mnist", {60000, 28, 28}, {60000}, {10000, 28, 28}, 10},
                    Real{"digits", {1437, 64}, {1437}, {360, 64}, 10},
                    Real{"iris", {120, 4}, {120}, {30, 4}, 3},
                    Real{"wine", {142, 13}, {142}, {36, 13}, 3},
                    Real{"breast_cancer", {455, 30}, {455}, {114, 30}, 2},
                    Real{"diabetes", {353, 10}, {353, 1}, {89, 10}, 0}),
    [](const auto& param) {
      std::string name = param.param.name;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

}  // namespace
}  // namespace minnow::test
