#include <gtest/gtest.h>
#include <minnow/csv.h>

#include <cmath>
#include <limits>
#include <vector>

#include "test_files.h"

namespace {

using minnow::CsvOptions;
using minnow::read_csv;
using minnow::Shape;
using minnow::Tensor;
using namespace minnow_test;

class Csv : public testing::Test {
 protected:
  Tensor read(std::string_view text, CsvOptions options = {}) {
    spit(path_, text);
    return read_csv(path_, options);
  }
  void expect(std::string_view text, Shape shape, const std::vector<float>& values,
              CsvOptions options = {}) {
    SCOPED_TRACE(text);
    const Tensor tensor = read(text, options);
    ASSERT_EQ(tensor.shape(), shape) << tensor.shape().str();
    const auto data = tensor.data<float>();
    EXPECT_EQ(std::vector<float>(data.begin(), data.end()), values);
  }
  void expect_error(std::string_view text, std::string_view message, CsvOptions options = {}) {
    SCOPED_TRACE(text);
    expect_format_error(path_, message, [&] { read(text, options); });
  }

  TempDir dir_;
  std::string path_ = dir_ / "x.csv";
};

TEST_F(Csv, ReadsRows) {
  expect("1,2\n3,4\n", {2, 2}, {1, 2, 3, 4});
  expect("1,2\n3,4", {2, 2}, {1, 2, 3, 4});
  expect("1,2\r\n3,4\r\n", {2, 2}, {1, 2, 3, 4});
  expect("\n 1 ,\t2 \n\n  \n3,4\n\n", {2, 2}, {1, 2, 3, 4});
  expect(
      "\xEF\xBB\xBF"
      "1,2\n",
      {1, 2}, {1, 2});
  expect("7", {1, 1}, {7});
}

TEST_F(Csv, ReadsNumbersAsTheyAreWritten) {
  expect("+1.5,-.5,1e3,1E-3,\"2\",0.1,1e-60,-1e-400", {1, 8},
         {1.5F, -0.5F, 1000.0F, 0.001F, 2.0F, 0.1F, 0.0F, 0.0F});
  expect("3.4028235e38,1e-45", {1, 2},
         {std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()});
  const Tensor special = read("nan,NaN,inf,-inf,Infinity\n");
  EXPECT_TRUE(std::isnan(special.data<float>()[1]));
  EXPECT_EQ(special.data<float>()[3], -INFINITY);
  EXPECT_EQ(special.data<float>()[4], INFINITY);
}

TEST_F(Csv, SkipsAHeader) {
  expect("a,b\n1,2\n", {1, 2}, {1, 2});
  expect("150,4,setosa,versicolor\n1,2\n", {1, 2}, {1, 2});
  expect("1,2\n3,4\n", {1, 2}, {3, 4}, {.separator = ',', .header = CsvOptions::Header::yes});
  expect_error("a,b\n1,2\n", "line 1, column 1 (byte 0) is no number: \"a\"",
               {.separator = ',', .header = CsvOptions::Header::no});
  expect_error("1e99,b\n", "it has no row");
}

TEST_F(Csv, TakesOtherSeparators) {
  expect("1;2\n", {1, 2}, {1, 2}, {.separator = ';', .header = {}});
  expect("1\t2\n", {1, 2}, {1, 2}, {.separator = '\t', .header = {}});
  expect("  1  2\t 3 \n4 5 6\r\n", {2, 3}, {1, 2, 3, 4, 5, 6}, {.separator = ' ', .header = {}});
  for (const char bad : {'1', 'e', 'N', '.', '-', '\n', '"'}) {
    const auto error = expect_throw<minnow::InvalidArgument>(
        [&] { read("1\n", {.separator = bad, .header = {}}); });
    EXPECT_EQ(error.code(), minnow::Code("MN-U01"));
  }
}

TEST_F(Csv, NamesLineAndColumn) {
  expect_error("1,2\n3,x4\n", "x.csv, line 2, column 2 (byte 6) is no number: \"x4\".");
  expect_error("1,2\n\n3,\n", "line 3, column 2 (byte 7) is empty.");
  expect_error("1,2\n3\n", "line 2 (byte 4) has 1 columns, line 1 has 2.");
  expect_error("x,y\n1,2\n3,4,5\n", "line 3 (byte 8) has 3 columns, line 2 has 2.");
  expect_error("1,2\n1e39,0\n", "line 2, column 1 (byte 4) is too large for an f32: \"1e39\"");
  expect_error("1,2\n1e999,0\n", "is too large for an f32");
  expect_error("1,2\n0x10,0\n", "is no number: \"0x10\"");
  expect_error("1,2\n1 2,0\n", "is no number: \"1 2\"");
  expect_error("1,2\n+-1,0\n", "is no number");
  expect_error("1,2\n\",0\n", "is no number");
  expect_error("1,2\n\"\",0\n", "is no number");
  expect_error(std::string_view("1,2\n\0,0\n", 8), "is no number: \"\\x00\"");
}

TEST_F(Csv, RefusesAFileWithoutRows) {
  expect_error("", "is no file of numbers: it has no row");
  expect_error("\n\n", "it has no row");
  expect_error("a,b\n", "it has no row");
}

TEST_F(Csv, ReadsGzip) {
  const Tensor table = read_csv(fixture("table.csv.gz"));
  ASSERT_EQ(table.shape(), Shape({2, 2}));
  EXPECT_EQ(table.data<float>()[3], 4.0F);
  expect(gzip("1,2\n"), {1, 2}, {1, 2});
}

TEST_F(Csv, EveryTruncationOfGzipFails) {
  spit(path_, gzip("1,2\n3,4\n"));
  expect_every_truncation_fails(path_, [](const std::string& path) { read_csv(path); });
}

TEST_F(Csv, EveryFlipIsHandled) {
  const auto read_it = [](const std::string& path) { read_csv(path); };
  for (const std::string& valid :
       {std::string("a,b\n1.5,-2e3\n3,nan\n"), gzip("1,2\n3,4\n"), std::string("1 2\n3 4\n")}) {
    spit(path_, valid);
    EXPECT_GT(expect_every_flip_is_handled(path_, read_it), 20);
  }
}

TEST_F(Csv, EveryTruncationOfTextIsReadOrRefused) {
  const std::string valid = "1.5,-2e3\n3,nan\n";
  for (std::size_t size = 0; size < valid.size(); ++size) {
    spit(path_, valid.substr(0, size));
    try {
      EXPECT_EQ(read_csv(path_).shape().rank(), 2);
    } catch (const minnow::FormatError&) {
    }
  }
}

}  // namespace
