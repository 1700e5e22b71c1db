#include <gtest/gtest.h>
#include <minnow/npy.h>

#include <cmath>

#include "test_files.h"

namespace {

using minnow::DType;
using minnow::read_npy;
using minnow::Shape;
using minnow::Tensor;
using namespace minnow_test;

std::string npy(const std::string& header, const std::string& data) {
  return "\x93NUMPY" + bytes({1, 0}) + little_endian(header.size(), 2) + header + data;
}

struct Fixture {
  const char* name;
  DType dtype;
  float minus;  // element i is i - minus
};
void PrintTo(const Fixture& fixture, std::ostream* out) { *out << fixture.name; }

class NumpyFile : public testing::TestWithParam<Fixture> {};

TEST_P(NumpyFile, IsRead) {
  const Fixture& file = GetParam();
  const std::string path = fixture(std::string(file.name) + ".npy");
  expect_counting(read_npy(path), {2, 3, 4}, file.dtype, file.minus);
}

INSTANTIATE_TEST_SUITE_P(
    Numpy, NumpyFile,
    testing::Values(Fixture{"f4", DType::f32, 1.25F}, Fixture{"f4_version2", DType::f32, 1.25F},
                    Fixture{"f4_version3", DType::f32, 1.25F},
                    Fixture{"f4_fortran", DType::f32, 1.25F}, Fixture{"f4_big", DType::f32, 1.25F},
                    Fixture{"f2", DType::f32, 1.25F}, Fixture{"f8", DType::f32, 1.25F},
                    Fixture{"f8_big_fortran", DType::f32, 1.25F}, Fixture{"u1", DType::u8, 0.0F},
                    Fixture{"i1", DType::i32, 5.0F}, Fixture{"i2_big", DType::i32, 5.0F},
                    Fixture{"i4", DType::i32, 5.0F}, Fixture{"i8", DType::i64, 5.0F}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(Npy, ReadsBooleansScalarsAndEmptyArraysOfNumpy) {
  const Tensor booleans = read_npy(fixture("b1.npy"));
  ASSERT_EQ(booleans.dtype(), DType::u8);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(booleans.data<std::uint8_t>()[i], i % 2);

  const Tensor scalar = read_npy(fixture("scalar.npy"));
  EXPECT_EQ(scalar.shape(), Shape());
  EXPECT_EQ(scalar.data<float>()[0], 2.5F);

  EXPECT_EQ(read_npy(fixture("empty.npy")).shape(), Shape({0, 4}));
}

TEST(Npy, ReadsSpecialHalves) {
  const TempDir dir;
  spit(dir / "x.npy",
       npy("{'descr': '<f2', 'fortran_order': False, 'shape': (6,), }",
           little_endian(0x0001, 2) + little_endian(0x83FF, 2) + little_endian(0x7C00, 2) +
               little_endian(0xFE00, 2) + little_endian(0x8000, 2) + little_endian(0x7BFF, 2)));
  const Tensor x = read_npy(dir / "x.npy");
  const auto values = x.data<float>();
  EXPECT_EQ(values[0], 0x1p-24F);
  EXPECT_EQ(values[1], -1023 * 0x1p-24F);
  EXPECT_EQ(values[2], INFINITY);
  EXPECT_TRUE(std::isnan(values[3]));
  EXPECT_TRUE(values[4] == 0.0F && std::signbit(values[4]));
  EXPECT_EQ(values[5], 65504.0F);
}

TEST(Npy, RoundTrips) {
  const TempDir dir;
  for (const DType dtype : {DType::f32, DType::u8, DType::i32, DType::i64}) {
    for (const Shape& shape : {Shape{}, Shape{7}, Shape{3, 5}, Shape{2, 0, 3}, Shape{1, 2, 3, 4}}) {
      const Tensor tensor = counting(shape, dtype);
      write_npy(dir / "x.npy", tensor);
      EXPECT_TRUE(same(read_npy(dir / "x.npy"), tensor)) << shape.str();
    }
  }
  EXPECT_EQ(dir.entries(), 1U) << "a temporary file is left";
}

TEST(Npy, WritesWhatNumpyWrites) {
  const TempDir dir;
  Tensor x = read_npy(fixture("f4.npy"));
  write_npy(dir / "x.npy", x);
  EXPECT_EQ(slurp(dir / "x.npy"), slurp(fixture("f4.npy")));
}

TEST(Npy, TakesAnyOrderAndWhiteSpaceInTheHeader) {
  const TempDir dir;
  for (const char* header :
       {"{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"<i4\"}",
        " {\n'fortran_order' : True , 'shape' : ( 2 , ) ,\t'descr' : '<i4' , } \n",
        "{'shape': (2, 1), 'descr': '=i4', 'fortran_order': False}"}) {
    spit(dir / "x.npy", npy(header, little_endian(7, 4) + little_endian(9, 4)));
    const Tensor x = read_npy(dir / "x.npy");
    EXPECT_EQ(x.data<std::int32_t>()[1], 9) << header;
  }
}

struct BadHeader {
  const char* header;
  const char* text;
};

TEST(Npy, RefusesOtherHeaders) {
  const TempDir dir;
  const std::string path = dir / "x.npy";
  const BadHeader cases[] = {
      {"", "lacks \"{\""},
      {"{}", "lacks descr"},
      {"{'descr': '<f4', 'fortran_order': False}", "lacks shape"},
      {"{'descr': '<f4', 'shape': ()}", "lacks fortran_order"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "\"descr\" twice"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", "unknown key \"x\""},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "neither True nor False"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': 3}", "lacks \"(\""},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (3)}", "no tuple"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,,)}", "no tuple of integers"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (3 4)}", "no tuple of integers"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}", "no tuple of integers"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "negative"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (02,)}", "leading zero"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "63 bits"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
       "does not fit into 63 bits"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2305843009213693951,)}",
       "does not fit into 63 bits"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", "lacks"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}x", "follows the dict"},
      {"{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}", "comma"},
      {"{'descr': '<f4", "does not end"},
      {"{'descr': '<f\\x34', 'fortran_order': False, 'shape': (2,)}", "backslash"},
      {"{'descr': '|f4', 'fortran_order': False, 'shape': ()}", "\"|f4\" are not read"},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': ()}", "\"<c8\" are not read"},
      {"{'descr': '', 'fortran_order': False, 'shape': ()}", "\"\" are not read"},
      {"{'descr': 'f4', 'fortran_order': False, 'shape': ()}", "\"f4\" are not read"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': ()}", "pickled Python objects"},
  };
  for (const BadHeader& bad : cases) {
    SCOPED_TRACE(bad.header);
    spit(path, npy(bad.header, std::string(8, '\0')));
    expect_format_error(path, bad.text, [&] { read_npy(path); });
  }
}

TEST(Npy, RefusesPickledObjectsAndRecordsOfNumpy) {
  const auto error = expect_format_error(fixture("pickled.npy"), "pickled Python objects",
                                         [] { read_npy(fixture("pickled.npy")); });
  EXPECT_NE(error.remedy().find("astype('float32')"), std::string::npos);
  expect_format_error(fixture("records.npy"), "records (structured types) are not read",
                      [] { read_npy(fixture("records.npy")); });
}

TEST(Npy, RefusesForeignFilesVersionsAndLongHeaders) {
  const TempDir dir;
  const std::string path = dir / "x.npy";
  const auto read = [&] { read_npy(path); };
  spit(path,
       "\x7F"
       "ELF\x02\x01\x01");
  expect_format_error(path, "is no .npy file: it starts with \"\\x7fELF", read);
  spit(path, "\x93NUMPY" + bytes({4, 0, 0, 0, 0, 0}));
  expect_format_error(path, "version 4.0", read);
  spit(path, "\x93NUMPY" + bytes({2, 0}) + little_endian(0xFFFFFFFF, 4));
  expect_format_error(path, "a header of 4294967295 bytes", read);
  spit(path, npy(std::string(10001, ' '), ""));
  expect_format_error(path, "a header of 10001 bytes", read);
  const std::string head = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  spit(path, npy(head + std::string(10000 - head.size(), ' '), std::string(8, '\0')));
  EXPECT_NO_THROW(read());
}

TEST(Npy, SaysWhatIsMissingAndWhatIsTooMuch) {
  const TempDir dir;
  const std::string path = dir / "x.npy";
  const std::string valid = slurp(fixture("f4.npy"));
  spit(path, valid.substr(0, valid.size() - 1));
  const auto error =
      expect_format_error(path, "is damaged: it ends too early", [&] { read_npy(path); });
  EXPECT_EQ(error.evidence(), "the data of shape (2, 3, 4) needs 96 bytes, 95 are there");
  EXPECT_EQ(error.offset(), 223);
  spit(path, valid + "x");
  EXPECT_EQ(expect_format_error(path, "bytes follow", [&] { read_npy(path); }).offset(), 224);
}

TEST(Npy, AHugeClaimAllocatesNothing) {
  const TempDir dir;
  spit(dir / "x.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
                          std::string(64, '\0')));
  expect_format_error(dir / "x.npy", "ends too early", [&] { read_npy(dir / "x.npy"); });
}

TEST(Npy, EveryTruncationAndEveryFlipIsHandled) {
  const TempDir dir;
  const std::string path = dir / "x.npy";
  for (const char* name : {"f4.npy", "f4_version3.npy", "f8_big_fortran.npy", "i2_big.npy"}) {
    spit(path, slurp(fixture(name)));
    expect_every_truncation_fails(path, read_npy);
    EXPECT_GT(expect_every_flip_is_handled(path, read_npy), 300);
  }
}

}  // namespace
