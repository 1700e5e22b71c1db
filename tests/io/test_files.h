#pragma once

/// Files for tests: temporary ones, checked-in ones, and every way to damage a small one.

#include <gtest/gtest.h>
#include <minnow/error.h>
#include <minnow/tensor.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace minnow_test {

inline std::string fixture(const std::string& name) { return MINNOW_IO_TEST_DATA "/" + name; }

inline std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void spit(const std::string& path, std::string_view bytes) {
  std::filesystem::remove(path);  // a new file: ext4 flushes one that is truncated and rewritten
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(file.flush().good()) << path;
}

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "minnow-io-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::string path_;
};

inline std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

inline std::string little_endian(std::uint64_t value, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

/// A gzip member with one stored block: RFC 1952 around RFC 1951.
inline std::string gzip(std::string_view content) {
  std::uint32_t crc = ~0U;
  for (const char letter : content) {
    crc ^= static_cast<unsigned char>(letter);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  const std::uint64_t size = content.size();
  return bytes({0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 1}) + little_endian(size, 2) +
         little_endian(~size, 2) + std::string(content) + little_endian(~crc, 4) +
         little_endian(size, 4);
}

/// Runs `action`, which has to throw an E, and returns it.
template <class E, class Action>
E expect_throw(Action&& action) {
  try {
    action();
  } catch (const E& error) {
    return error;
  }
  throw std::logic_error("nothing was thrown");  // fails the test, as any other exception does
}

/// A FormatError that names the file, has the code MN-P03 and says `text`.
template <class Action>
minnow::FormatError expect_format_error(const std::string& path, std::string_view text,
                                        Action&& action) {
  const auto error = expect_throw<minnow::FormatError>(action);
  EXPECT_EQ(error.code(), minnow::Code("MN-P03"));
  EXPECT_EQ(error.file(), path);
  EXPECT_NE(error.cause().find(path), std::string::npos) << error.what();
  EXPECT_NE(std::string_view(error.what()).find(text), std::string_view::npos) << error.what();
  EXPECT_NE(error.cause().find("byte " + std::to_string(error.offset())), std::string::npos)
      << error.what();
  return error;
}

/// Reads the file cut after every byte: no prefix may be read.
template <class Read>
void expect_every_truncation_fails(const std::string& path, Read&& read) {
  const std::string valid = slurp(path);
  ASSERT_FALSE(valid.empty());
  EXPECT_NO_THROW(read(path));
  for (std::size_t size = 0; size < valid.size(); ++size) {
    spit(path, std::string_view(valid).substr(0, size));
    EXPECT_THROW(read(path), minnow::FormatError) << "cut after " << size << " bytes";
  }
  spit(path, valid);
}

/// Changes every byte in ten ways; each file is read or is a FormatError. Returns how many failed.
template <class Read>
int expect_every_flip_is_handled(const std::string& path, Read&& read) {
  const std::string valid = slurp(path);
  EXPECT_FALSE(valid.empty());
  int failed = 0;
  for (std::size_t at = 0; at < valid.size(); ++at) {
    for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 0xFF, valid[at] & 0xFF}) {
      std::string damaged = valid;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      spit(path, damaged);
      try {
        read(path);
      } catch (const minnow::FormatError&) {
        ++failed;
      } catch (const std::exception& error) {
        ADD_FAILURE() << "byte " << at << " ^ " << flip << ": " << error.what();
      }
    }
  }
  spit(path, valid);
  return failed;
}

/// Element i is i - `minus`, as make_fixtures.py made it.
inline void expect_counting(const minnow::Tensor& tensor, const minnow::Shape& shape,
                            minnow::DType dtype, float minus) {
  ASSERT_EQ(tensor.shape(), shape) << tensor.shape().str();
  ASSERT_EQ(tensor.dtype(), dtype) << name_of(tensor.dtype());
  const minnow::Tensor floats = tensor.to(minnow::DType::f32);
  float expected = -minus;
  for (const float value : floats.data<float>()) {
    ASSERT_EQ(value, expected);
    expected += 1.0F;
  }
}

inline minnow::Tensor counting(minnow::Shape shape, minnow::DType dtype = minnow::DType::f32) {
  minnow::Tensor tensor(std::move(shape));
  float next = -5.0F;
  if (dtype == minnow::DType::u8) next = 0.0F;
  for (float& value : tensor.mutable_data<float>()) value = next++;
  return tensor.to(dtype);
}

inline bool same(const minnow::Tensor& a, const minnow::Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::equal(a.raw(), a.raw() + a.bytes(), b.raw());
}

}  // namespace minnow_test
