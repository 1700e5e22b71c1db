#include <gtest/gtest.h>
#include <minnow/idx.h>

#include <cerrno>

#include "test_files.h"

namespace {

using minnow::DType;
using minnow::read_idx;
using minnow::Shape;
using minnow::Tensor;
using namespace minnow_test;

std::string big_endian(std::uint64_t value, int count) {
  std::string text = little_endian(value, count);
  return {text.rbegin(), text.rend()};
}

std::string idx(int type, std::initializer_list<std::uint32_t> extents, const std::string& data) {
  std::string text = bytes({0, 0, type, static_cast<int>(extents.size())});
  for (const std::uint32_t extent : extents) text += big_endian(extent, 4);
  return text + data;
}

TEST(Idx, ReadsEveryType) {
  const TempDir dir;
  const std::string path = dir / "x.idx";
  spit(path, idx(0x08, {2}, bytes({1, 255})));
  EXPECT_EQ(read_idx(path).data<std::uint8_t>()[1], 255);
  spit(path, idx(0x09, {2}, bytes({1, 255})));
  EXPECT_EQ(read_idx(path).data<std::int32_t>()[1], -1);
  spit(path, idx(0x0B, {2}, big_endian(1, 2) + big_endian(0xFFFE, 2)));
  EXPECT_EQ(read_idx(path).data<std::int32_t>()[1], -2);
  spit(path, idx(0x0C, {2}, big_endian(1, 4) + big_endian(0xFFFFFFFD, 4)));
  EXPECT_EQ(read_idx(path).data<std::int32_t>()[1], -3);
  spit(path, idx(0x0D, {2}, big_endian(0, 4) + big_endian(0x3FC00000, 4)));
  EXPECT_EQ(read_idx(path).data<float>()[1], 1.5F);
  spit(path, idx(0x0E, {2}, big_endian(0, 8) + big_endian(0x3FF8000000000000, 8)));
  EXPECT_EQ(read_idx(path).data<float>()[1], 1.5F);
}

TEST(Idx, ReadsShapes) {
  const TempDir dir;
  const std::string path = dir / "x.idx";
  spit(path, idx(0x08, {2, 1, 3}, "abcdef"));
  EXPECT_EQ(read_idx(path).shape(), Shape({2, 1, 3}));
  spit(path, idx(0x08, {}, "a"));
  EXPECT_EQ(read_idx(path).shape(), Shape());
  spit(path, idx(0x08, {0, 28, 28}, ""));
  EXPECT_EQ(read_idx(path).shape(), Shape({0, 28, 28}));
}

TEST(Idx, ReadsGzipByItsFirstBytesAndNotByItsName) {
  expect_counting(read_idx(fixture("images.idx.gz")), {2, 3, 4}, DType::u8, 0.0F);
  const TempDir dir;
  spit(dir / "x.idx", gzip(idx(0x08, {3}, "abc")));
  EXPECT_EQ(read_idx(dir / "x.idx").shape(), Shape({3}));
  spit(dir / "x.gz", idx(0x08, {3}, "abc"));
  EXPECT_EQ(read_idx(dir / "x.gz").shape(), Shape({3}));
}

TEST(Idx, ReadsSeveralGzipMembersAsOne) {
  const TempDir dir;
  const std::string all = idx(0x08, {5}, "abcde");
  spit(dir / "x.gz", gzip(all.substr(0, 3)) + gzip("") + gzip(all.substr(3)));
  EXPECT_EQ(read_idx(dir / "x.gz").data<std::uint8_t>()[4], 'e');
}

TEST(Idx, RefusesForeignFiles) {
  const TempDir dir;
  const std::string path = dir / "x.idx";
  const auto read = [&] { read_idx(path); };
  spit(path, "");
  expect_format_error(path, "is no IDX file: it has only 0 bytes", read);
  spit(path, "PK\x03\x04");
  expect_format_error(path, "it starts with \"PK\\x03\\x04\"", read);
  spit(path, idx(0x0A, {1}, "a"));
  expect_format_error(path, "type 10 is none of 8, 9, 11, 12, 13, 14", read);
  spit(path, std::string(bytes({0, 0, 8, 65})) + std::string(65 * 4 + 1, '\1'));
  expect_format_error(path, "a shape of 65 extents", read);
}

TEST(Idx, ChecksExtentsAgainstTheBytes) {
  const TempDir dir;
  const std::string path = dir / "x.idx";
  const auto read = [&] { read_idx(path); };
  spit(path, idx(0x08, {2, 3}, "abcde"));
  EXPECT_EQ(expect_format_error(path, "ends too early", read).evidence(),
            "the data of shape (2, 3) needs 6 bytes, 5 are there");
  spit(path, idx(0x08, {2, 3}, "abcdefg"));
  EXPECT_EQ(expect_format_error(path, "bytes follow the end of the data", read).offset(), 18);
  spit(path, idx(0x08, {0xFFFFFFFF, 0xFFFFFFFF}, "a"));
  expect_format_error(path, "does not fit into 63 bits", read);
  spit(path, idx(0x08, {0x10000000, 8}, "a"));
  expect_format_error(path, "ends too early", read);
  spit(path, idx(0x08, {0x10000000, 1024}, "a"));
  expect_format_error(path, "ends too early", read);
}

TEST(Idx, ABombIsReadOnlyAsFarAsItDeclares) {
  const std::string path = fixture("longer_than_declared.idx.gz");
  EXPECT_EQ(expect_format_error(path, "bytes follow the end", [&] { read_idx(path); }).offset(),
            18);
}

TEST(Idx, ChecksGzip) {
  const TempDir dir;
  const std::string path = dir / "x.gz";
  const auto read = [&] { read_idx(path); };
  const std::string valid = gzip(idx(0x08, {3}, "abc"));
  std::string damaged = valid;
  damaged[damaged.size() - 5] ^= 1;  // the checksum's last byte
  spit(path, damaged);
  EXPECT_EQ(expect_format_error(path, "the gzip data is wrong", read).evidence(),
            "zlib: incorrect data check");
  damaged = valid;
  damaged.back() ^= 1;
  spit(path, damaged);
  EXPECT_EQ(expect_format_error(path, "the gzip data is wrong", read).evidence(),
            "zlib: incorrect length check");
  spit(path, valid.substr(0, valid.size() - 1));
  expect_format_error(path, "the gzip data ends in the middle", read);
  spit(path, valid + "garbage");
  expect_format_error(path, "bytes that are not gzip follow", read);
}

TEST(Idx, EveryTruncationAndEveryFlipIsHandled) {
  const TempDir dir;
  const std::string path = dir / "x.idx";
  const std::string plain = idx(0x0C, {2, 3}, std::string(24, 'x'));
  for (const std::string& valid : {plain, gzip(plain), slurp(fixture("images.idx.gz"))}) {
    spit(path, valid);
    expect_every_truncation_fails(path, read_idx);
    EXPECT_GT(expect_every_flip_is_handled(path, read_idx), 50);
  }
}

TEST(Idx, SaysWhyAFileCannotBeOpened) {
  const TempDir dir;
  using Action = minnow::IoError::Action;
  auto error = expect_throw<minnow::IoError>([&] { read_idx(dir / "missing.idx"); });
  EXPECT_EQ(error.code(), minnow::Code("MN-P08"));
  EXPECT_EQ(error.action(), Action::open_input);
  EXPECT_EQ(error.error_number(), ENOENT);
  EXPECT_EQ(error.file(), dir / "missing.idx");
  EXPECT_EQ(error.cause(), dir / "missing.idx" + " cannot be opened.");
  EXPECT_EQ(error.evidence(), "open: No such file or directory (errno 2)");

  error = expect_throw<minnow::IoError>([&] { read_idx("no-such-file.idx"); });
  EXPECT_NE(error.evidence().find("working directory /"), std::string::npos);

  error = expect_throw<minnow::IoError>([&] { read_idx(dir.path()); });
  EXPECT_EQ(error.error_number(), EISDIR);
  EXPECT_EQ(error.cause(), dir.path() + " is a directory.");

  error = expect_throw<minnow::IoError>([&] { read_idx("/dev/zero"); });
  EXPECT_EQ(error.cause(), "/dev/zero is a device.");
}

}  // namespace
