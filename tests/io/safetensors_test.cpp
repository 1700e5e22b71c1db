#include <gtest/gtest.h>
#include <minnow/safetensors.h>

#include <sys/mman.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "test_files.h"

namespace {

using minnow::DType;
using minnow::read_safetensors;
using minnow::SafeTensors;
using minnow::Shape;
using minnow::Tensor;
using minnow::write_safetensors;
using namespace minnow_test;

std::string safetensors(const std::string& header, const std::string& data = "") {
  return little_endian(header.size(), 8) + header + data;
}
std::string f32(const std::string& name, const std::string& shape, int begin, int end) {
  return "\"" + name + R"(":{"dtype":"F32","shape":[)" + shape + R"(],"data_offsets":[)" +
         std::to_string(begin) + "," + std::to_string(end) + "]}";
}

class SafeTensorsFile : public testing::Test {
 protected:
  SafeTensors read(std::string_view content) {
    spit(path_, content);
    return read_safetensors(path_);
  }
  minnow::FormatError expect_error(std::string_view content, std::string_view message) {
    SCOPED_TRACE(content.substr(0, 200));
    return expect_format_error(path_, message, [&] { read(content); });
  }

  TempDir dir_;
  std::string path_ = dir_ / "x.safetensors";
};

TEST_F(SafeTensorsFile, ReadsWhatPythonWrote) {
  const SafeTensors file = read_safetensors(fixture("numpy.safetensors"));
  const Shape shape{2, 3, 4};
  for (const char* name : {"f16", "f32", "f64"}) {
    SCOPED_TRACE(name);
    expect_counting(file.tensors.at(name), shape, DType::f32, 1.25F);
  }
  for (const char* name : {"i8", "i16", "i32"}) {
    SCOPED_TRACE(name);
    expect_counting(file.tensors.at(name), shape, DType::i32, 5.0F);
  }
  expect_counting(file.tensors.at("i64"), shape, DType::i64, 5.0F);
  expect_counting(file.tensors.at("u8"), shape, DType::u8, 0.0F);
  EXPECT_EQ(file.tensors.at("bool").data<std::uint8_t>()[1], 1);
  EXPECT_EQ(file.tensors.at("scalar").shape(), Shape());
  EXPECT_EQ(file.tensors.at("scalar").data<float>()[0], 2.5F);
  EXPECT_EQ(file.tensors.at("empty").shape(), Shape({0, 4}));
  EXPECT_EQ(file.tensors.size(), 11U);
  EXPECT_EQ(file.metadata.at("note"),
            "quotes \" and \xC3\xBCn\xC3\xAF"
            "code");
  EXPECT_EQ(file.metadata.at("format"), "np");
}

TEST_F(SafeTensorsFile, ReadsBfloat16) {
  const SafeTensors file =
      read(safetensors(R"({"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})",
                       little_endian(0x3FC0, 2) + little_endian(0xFF80, 2)));
  EXPECT_EQ(file.tensors.at("x").data<float>()[0], 1.5F);
  EXPECT_EQ(file.tensors.at("x").data<float>()[1], -std::numeric_limits<float>::infinity());
}

TEST_F(SafeTensorsFile, RoundTrips) {
  SafeTensors file;
  for (const DType dtype : {DType::f32, DType::u8, DType::i32, DType::i64}) {
    file.tensors[std::string("0.") + std::string(name_of(dtype))] = counting({3, 5}, dtype);
  }
  file.tensors["scalar"] = counting({});
  file.tensors["empty"] = counting({0, 7});
  file.tensors["quotes \" \\ \n \xC3\xBC"] = counting({1});
  file.metadata = {{"format", "pt"}, {"a \"b\"", "{\"json\": [1, 2]}\n"}};
  write_safetensors(path_, file);
  const SafeTensors again = read_safetensors(path_);
  EXPECT_EQ(again.metadata, file.metadata);
  ASSERT_EQ(again.tensors.size(), file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    EXPECT_TRUE(same(again.tensors.at(name), tensor)) << name;
  }
  EXPECT_EQ(dir_.entries(), 1U) << "a temporary file is left";
  write_safetensors(path_, {});
  EXPECT_TRUE(read_safetensors(path_).tensors.empty());
}

TEST_F(SafeTensorsFile, IsSortedByWidthThenNameAndAlignedTo64) {
  SafeTensors file;
  file.tensors["a"] = counting({1}, DType::u8);
  file.tensors["b"] = counting({2}, DType::i32);
  file.tensors["c"] = counting({1}, DType::f32);
  file.tensors["d"] = counting({1}, DType::i64);
  file.tensors["e"] = counting({1}, DType::f32);
  write_safetensors(path_, file);
  const std::string text = slurp(path_);
  EXPECT_EQ((text.size() - 25) % 64, 0U);
  const std::string header = text.substr(8, text.size() - 25 - 8);
  EXPECT_TRUE(header.starts_with(R"({"d":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                                 R"("c":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
                                 R"("e":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},)"
                                 R"("b":{"dtype":"I32","shape":[2],"data_offsets":[16,24]},)"
                                 R"("a":{"dtype":"U8","shape":[1],"data_offsets":[24,25]}} )"))
      << header;
}

TEST_F(SafeTensorsFile, RefusesToWriteWhatCannotBeRead) {
  const auto refuse = [&](const SafeTensors& file, std::string_view message) {
    const auto error =
        expect_throw<minnow::InvalidArgument>([&] { write_safetensors(path_, file); });
    EXPECT_EQ(error.code(), minnow::Code("MN-U01"));
    EXPECT_NE(error.cause().find(message), std::string::npos) << error.cause();
    EXPECT_EQ(dir_.entries(), 0U);
  };
  refuse({{{"\xFF", Tensor()}}, {}}, "\"\\xff\" is not UTF-8");
  refuse({{}, {{"key", "\xC0\x80"}}}, "is not UTF-8");
  refuse({{{"__metadata__", Tensor()}}, {}}, "cannot be named __metadata__");
}

// The reference reader's checks, in its order (huggingface/safetensors, SafeTensorError).

TEST_F(SafeTensorsFile, HeaderTooSmall) {
  expect_error("", "is no safetensors file: it has only 0 bytes");
  expect_error("1234567", "it has only 7 bytes");
}

TEST_F(SafeTensorsFile, HeaderTooLarge) {
  expect_error(little_endian(100'000'001, 8), "declare a header of 100000001 bytes");
  expect_error(little_endian(~std::uint64_t{0}, 8) + "{}", "header of 18446744073709551615 bytes");
}

TEST_F(SafeTensorsFile, InvalidHeaderLength) {
  const auto error = expect_error(little_endian(3, 8) + "{}", "it ends inside its header");
  EXPECT_EQ(error.offset(), 10);
  EXPECT_EQ(error.evidence(), "the header needs 3 bytes, 2 are there");
  expect_error(little_endian(100'000'000, 8), "the header needs 100000000 bytes, 0 are there");
}

TEST_F(SafeTensorsFile, InvalidHeader) {
  EXPECT_EQ(expect_error(safetensors("{\"\xFF\":1}"), "is not UTF-8").offset(), 10);
  for (const char* bad : {"\x80", "\xC0\xAF", "\xC3", "\xE0\x9F\xBF", "\xED\xA0\x80",
                          "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5", "\xE2\x82"}) {
    expect_error(safetensors(std::string("{\"__metadata__\":{\"a\":\"") + bad + "\"}}"),
                 "is not UTF-8");
  }
  for (const char* good : {"\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xF0\x90\x80\x80",
                           "\xF4\x8F\xBF\xBF", "\xEF\xBF\xBF"}) {
    EXPECT_EQ(read(safetensors(std::string("{\"__metadata__\":{\"a\":\"") + good + "\"}}"))
                  .metadata.at("a"),
              good);
  }
}

TEST_F(SafeTensorsFile, InvalidHeaderStart) {
  expect_error(safetensors(""), "does not start with {");
  expect_error(safetensors(" {}"), "does not start with {");
  expect_error(safetensors("\n{}"), "does not start with {");
  expect_error(safetensors("[]"), "does not start with {");
}

TEST_F(SafeTensorsFile, TrailingPaddingIsAccepted) {
  EXPECT_TRUE(read(safetensors("{}      ")).tensors.empty());
  EXPECT_EQ(read(safetensors("{" + f32("x", "1", 0, 4) + "}    ", "abcd")).tensors.size(), 1U);
}

TEST_F(SafeTensorsFile, InvalidHeaderDeserialization) {
  const std::string start = R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4])";
  const std::pair<std::string, const char*> cases[] = {
      {"{", "is no JSON"},
      {"{]", "is no JSON"},
      {"{}x", "is no JSON"},
      {"{}{}", "is no JSON"},
      {std::string("{}\0", 3), "is no JSON: it has a zero byte"},
      {std::string("{\0}", 3), "is no JSON: it has a zero byte"},
      {"{\"a\":}", "is no JSON"},
      {"{\"__metadata__\":{},}", "is no JSON"},
      {R"({"x":1})", "a number"},
      {R"({"x":null})", "null as \"x\""},
      {R"({"x":true})", "a boolean as \"x\""},
      {R"({"x":[]})", "an array as \"x\""},
      {R"({"x":"F32"})", "a string as \"x\""},
      {R"({"x":{}})", "not all of dtype, shape and data_offsets in \"x\""},
      {R"({"x":{"dtype":"F32","shape":[1]}})", "not all of"},
      {start + R"(,"more":1}})", "the unknown key \"more\""},
      {R"({"x":{"dtype":"F31"}})", "the unknown dtype \"F31\""},
      {R"({"x":{"dtype":1}})", "a number in \"x\""},
      {R"({"x":{"dtype":["F32"]}})", "an array in \"x\""},
      {R"({"x":{"shape":1}})", "a number in \"x\""},
      {R"({"x":{"shape":[-1]}})", "a negative number"},
      {R"({"x":{"shape":[1.0]}})", "no 64-bit integer"},
      {R"({"x":{"shape":[[1]]}})", "an array"},
      {R"({"x":{"shape":["1"]}})", "a string"},
      {R"({"x":{"shape":{}}})", "an object"},
      {R"({"x":{"shape":[18446744073709551615]}})", "more than 63 bits"},
      {R"({"x":{"shape":[18446744073709551616]}})", "no 64-bit integer"},
      {R"({"x":{"data_offsets":[0]}})", "fewer than two offsets"},
      {R"({"x":{"data_offsets":[0,4,8]}})", "a number"},
      {R"({"__metadata__":1})", "a number"},
      {R"({"__metadata__":{"a":1}})", "a number"},
      {R"({"__metadata__":{"a":{}}})", "an object"},
      {R"({"__metadata__":{"a":null}})", "null"},
      {std::string(100000, '{'), "is no JSON"},
      {R"({"x":)" + std::string(100000, '['), "an array"},
  };
  for (const auto& [header, message] : cases) {
    expect_error(safetensors(header, "abcd"), message);
  }
}

TEST_F(SafeTensorsFile, DuplicateKeys) {
  const std::string x = f32("x", "1", 0, 4);
  expect_error(safetensors("{" + x + "," + x + "}", "abcd"), "has \"x\" twice");
  expect_error(safetensors(R"({"__metadata__":{"a":"1","a":"2"}})"), "has \"a\" twice");
  expect_error(safetensors(R"({"__metadata__":{},"__metadata__":{}})"), "\"__metadata__\" twice");
  expect_error(safetensors(R"({"x":{"shape":[1],"shape":[1]}})"), "has \"shape\" twice");
  // The same name, spelled with an escape.
  expect_error(safetensors("{" + x + "," + f32("\\u0078", "1", 4, 8) + "}", "abcdefgh"),
               "has \"x\" twice");
}

TEST_F(SafeTensorsFile, InvalidOffset) {
  const std::string data(64, 'x');
  // Overlap attack: two tensors of the same bytes.
  expect_error(safetensors("{" + f32("a", "2", 0, 8) + "," + f32("b", "2", 0, 8) + "}", "abcdefgh"),
               "the bytes of tensor \"b\" overlap others");
  expect_error(safetensors("{" + f32("a", "2", 0, 8) + "," + f32("b", "2", 4, 12) + "}", data),
               "tensor \"b\" overlap others");
  const auto hole =
      expect_error(safetensors("{" + f32("a", "2", 0, 8) + "," + f32("b", "1", 12, 16) + "}", data),
                   "tensor \"b\" overlap others, leave a hole");
  EXPECT_EQ(hole.evidence(), "data_offsets 12..16, the one before ends at 8");
  expect_error(safetensors("{" + f32("a", "1", 4, 8) + "}", data), "leave a hole");
  expect_error(safetensors("{" + f32("a", "1", 4, 0) + "}", data), "tensor \"a\"");
  expect_error(safetensors("{" + f32("a", "0", 0, 0) + "," + f32("b", "1", 0, -4) + "}", data),
               "a negative number");
}

TEST_F(SafeTensorsFile, OffsetsMayComeInAnyOrder) {
  const SafeTensors file =
      read(safetensors("{" + f32("b", "1", 4, 8) + "," + f32("a", "1", 0, 4) + "}", "abcdefgh"));
  EXPECT_EQ(std::string(
                static_cast<const char*>(static_cast<const void*>(file.tensors.at("b").raw())), 4),
            "efgh");
}

TEST_F(SafeTensorsFile, ValidationOverflow) {
  expect_error(safetensors("{" + f32("a", "4294967296,4294967296", 0, 4) + "}", "abcd"),
               "does not fit into 63 bits");
  expect_error(safetensors("{" + f32("a", "4611686018427387904", 0, 4) + "}", "abcd"),
               "does not fit into 63 bits");
  std::string many = "1";
  for (int i = 0; i < 64; ++i) many += ",1";
  expect_error(safetensors("{" + f32("a", many, 0, 4) + "}", "abcd"), "a shape of 65 extents");
}

TEST_F(SafeTensorsFile, MisalignedSlice) {
  expect_error(safetensors(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", "ab"),
               "tensor \"a\" does not fill its last byte");
}

TEST_F(SafeTensorsFile, TensorInvalidInfo) {
  const auto error =
      expect_error(safetensors("{" + f32("a", "2,2", 0, 8) + "}", "abcdefgh"),
                   "tensor \"a\" of shape (2, 2) and dtype F32 needs 16 bytes and has 8");
  EXPECT_EQ(error.evidence(), "data_offsets 0..8");
  expect_error(safetensors("{" + f32("a", "", 0, 0) + "}"), "needs 4 bytes and has 0");
  expect_error(safetensors("{" + f32("a", "0", 0, 4) + "}", "abcd"), "needs 0 bytes and has 4");
}

TEST_F(SafeTensorsFile, MetadataIncompleteBuffer) {
  const std::string header = "{" + f32("a", "2", 0, 8) + "}";
  const auto missing = expect_error(safetensors(header, "abcdefg"), "it ends too early");
  EXPECT_EQ(missing.evidence(), "the data of all tensors needs 8 bytes, 7 are there");
  EXPECT_EQ(missing.offset(), static_cast<std::int64_t>(8 + header.size() + 7));
  const auto trailing =
      expect_error(safetensors(header, "abcdefghi"), "bytes follow the end of the data");
  EXPECT_EQ(trailing.offset(), static_cast<std::int64_t>(8 + header.size() + 8));
  EXPECT_EQ(read_safetensors(path_, {.allow_trailing = true}).tensors.size(), 1U);
  expect_error(safetensors("{}", "x"), "bytes follow");
  expect_error(safetensors("{" + f32("a", "250000000000", 0, 0) + "}"),
               "needs 1000000000000 bytes");
  const std::string huge =
      R"({"a":{"dtype":"U8","shape":[999999999999],"data_offsets":[0,999999999999]}})";
  expect_error(safetensors(huge, "x"), "ends beyond what is read");
  const std::string large =
      R"({"a":{"dtype":"U8","shape":[9999999999],"data_offsets":[0,9999999999]}})";
  expect_error(safetensors(large, "x"), "needs 9999999999 bytes, 1 are there");
}

TEST_F(SafeTensorsFile, ZeroSizedAndRankZeroTensors) {
  const SafeTensors file = read(safetensors(
      "{" + f32("a", "0", 0, 0) + "," + f32("b", "", 0, 4) + "," + f32("c", "2,0,3", 0, 0) + "}",
      "abcd"));
  EXPECT_EQ(file.tensors.at("a").shape(), Shape({0}));
  EXPECT_EQ(file.tensors.at("b").shape(), Shape());
  EXPECT_EQ(file.tensors.at("c").shape(), Shape({2, 0, 3}));
}

TEST_F(SafeTensorsFile, OtherDtypesAreNamed) {
  const std::string path = fixture("complex.safetensors");
  const auto error = expect_format_error(path, "tensor \"c\" is of dtype C64, which is not read",
                                         [&] { read_safetensors(path); });
  EXPECT_EQ(error.evidence(), "F16, BF16, F32, F64, BOOL, U8, I8, I16, I32 and I64 are");
}

TEST_F(SafeTensorsFile, NamesOfTheFileCannotReachTheTerminal) {
  const auto error = expect_error(
      safetensors(R"({"\u001b[2J)" + std::string(500, 'x') + R"(":null})"), "\"\\x1b[2Jxxx");
  EXPECT_LT(std::string(error.what()).size(), 400U);
}

TEST_F(SafeTensorsFile, GzipIsNoSafetensors) {
  // 1f 8b may well be the length of a header: not taken for gzip.
  const std::string header = "{}" + std::string(0x8B1F - 2, ' ');
  EXPECT_TRUE(read(safetensors(header)).tensors.empty());
  expect_error(gzip(safetensors("{}")), "it ends inside its header");
}

TEST_F(SafeTensorsFile, EveryTruncationAndEveryFlipIsHandled) {
  const auto read_it = [](const std::string& path) { read_safetensors(path); };
  SafeTensors file;
  file.tensors["0.weight"] = counting({2, 3});
  file.tensors["0.bias"] = counting({2});
  file.tensors["n"] = counting({}, DType::i64);
  file.metadata["format"] = "pt";
  write_safetensors(path_, file);
  expect_every_truncation_fails(path_, read_it);
  EXPECT_GT(expect_every_flip_is_handled(path_, read_it), 1000);
  spit(path_, slurp(fixture("numpy.safetensors")));
  expect_every_truncation_fails(path_, read_it);
}

TEST_F(SafeTensorsFile, WritesNothingThatWouldBeTooLongToRead) {
  // Addresses without memory: the size is refused before a byte is read.
  constexpr std::size_t kFloats = std::size_t{1} << 32;
  void* memory = ::mmap(nullptr, kFloats * sizeof(float), PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::span<const float> values(static_cast<const float*>(memory), kFloats);
  const auto error = expect_throw<minnow::InvalidArgument>([&] {
    write_safetensors(path_, {{{"w", Tensor::view(values, {std::int64_t{kFloats}})}}, {}});
  });
  ::munmap(memory, kFloats * sizeof(float));
  EXPECT_EQ(error.code(), minnow::Code("MN-U01"));
  EXPECT_EQ(error.cause(), "a file of 17179869312 bytes could not be read again.");
  EXPECT_EQ(error.evidence(), "at most 17179869184 bytes are read of a file");
  EXPECT_EQ(dir_.entries(), 0U);
}

}  // namespace
