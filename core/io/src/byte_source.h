#pragma once

/// The content of a file, inflated when it is gzip, read no further than it is asked for: memory
/// grows with bytes that are really there, never with what a header claims.
///
///     ByteSource source(path, ByteSource::Gzip::recognise);
///     auto head = source.first(4);   // fewer than 4 when the content is shorter

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace minnow {

class ByteSource {
 public:
  enum class Gzip : std::uint8_t { recognise, never };  // by its first bytes 1f 8b
  /// The most that is read from one file.
  static constexpr std::int64_t kMaxBytes = std::int64_t{16} << 30;

  /// @throws IoError when the file cannot be opened, is a directory or a device.
  ByteSource(std::string path, Gzip gzip);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  const std::string& path() const noexcept { return path_; }
  /// The first `count` bytes, or all when there are fewer; valid until the next call.
  /// @throws IoError; FormatError for damaged gzip or more than kMaxBytes.
  std::span<const std::byte> first(std::int64_t count);
  std::span<const std::byte> all() { return first(kMaxBytes + 1); }

  /// Bytes begin..begin+count-1 of a content that ends there. @throws also FormatError when it is
  /// shorter or longer; `what` says what they are, "the pixels".
  std::span<const std::byte> exactly(std::int64_t begin, std::int64_t count, std::string_view what);
  /// The same for a content that may go on.
  std::span<const std::byte> at_least(std::int64_t begin, std::int64_t count,
                                      std::string_view what);

 private:
  class Inflater;
  void grow(std::int64_t wanted);
  std::size_t read_raw(std::byte* to, std::size_t count);
  std::int64_t read_some(std::byte* to, std::int64_t count);
  std::int64_t inflate_some(std::byte* to, std::int64_t count);

  struct Free {
    void operator()(std::byte* block) const noexcept;
  };
  std::string path_;
  int file_ = -1;
  std::int64_t file_bytes_ = 0;  // of a regular file
  std::int64_t compressed_ = 0;  // bytes of gzip read so far
  std::unique_ptr<Inflater> inflater_;
  std::unique_ptr<std::byte, Free> buffer_;
  std::int64_t size_ = 0;
  std::int64_t capacity_ = 0;
  bool end_ = false;
};

/// The content as text.
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

}  // namespace minnow
