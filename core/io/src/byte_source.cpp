#include "byte_source.h"

#include <minnow/base/allocation_failure.h>
#include <minnow/base/host_block.h>
#include <minnow/error.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "fail.h"

namespace minnow {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 16;

[[noreturn]] void fail_memory(const std::string& path, std::int64_t bytes) {
  throw_not_enough_host_memory(bytes, cat("reading ", path));
}

}  // namespace

/// The state of zlib and the compressed bytes that it has not eaten yet.
class ByteSource::Inflater {
 public:
  explicit Inflater(const std::string& path) : input(kChunk) {
    if (inflateInit2(&stream, 15 + 16) != Z_OK) fail_memory(path, 1 << 16);  // 16: gzip only
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void feed(std::size_t bytes) {
    stream.next_in = static_cast<Bytef*>(static_cast<void*>(input.data()));
    stream.avail_in = static_cast<uInt>(bytes);
  }

  z_stream stream = {};
  std::vector<std::byte> input;
  bool between_members = false;
};

void ByteSource::Free::operator()(std::byte* block) const noexcept { std::free(block); }

ByteSource::ByteSource(std::string path, Gzip gzip) : path_(std::move(path)) {
  using Action = IoError::Action;
  do {
    file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  } while (file_ < 0 && errno == EINTR);
  if (file_ < 0) fail_input(path_, Action::open_input, "open", errno);
  // From here on the destructor does not run when the constructor throws.
  try {
    struct stat status {};
    if (::fstat(file_, &status) != 0) fail_input(path_, Action::open_input, "fstat", errno);
    if (S_ISDIR(status.st_mode)) fail_input(path_, Action::open_input, "fstat", EISDIR);
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
      fail_input(path_, Action::open_input, "fstat", ENODEV);
    }
    if (S_ISREG(status.st_mode)) file_bytes_ = status.st_size;
    if (gzip == Gzip::never) return;

    grow(2);
    while (size_ < 2 && !end_) {
      const std::size_t got = read_raw(buffer_.get() + size_, static_cast<std::size_t>(2 - size_));
      size_ += static_cast<std::int64_t>(got);
      end_ = got == 0;
    }
    if (size_ == 2 && buffer_.get()[0] == std::byte{0x1F} && buffer_.get()[1] == std::byte{0x8B}) {
      inflater_ = std::make_unique<Inflater>(path_);
      std::copy_n(buffer_.get(), 2, inflater_->input.data());
      inflater_->feed(2);
      compressed_ = 2;
      size_ = 0;
    }
  } catch (...) {
    ::close(file_);
    throw;
  }
}

ByteSource::~ByteSource() { ::close(file_); }

void ByteSource::grow(std::int64_t wanted) {
  // A regular file says how much is there; everything else doubles as it arrives.
  const std::int64_t known = inflater_ ? 0 : file_bytes_ + 1;
  const std::int64_t room = std::max({std::int64_t{1} << 16, 2 * capacity_, known});
  const std::int64_t capacity = std::max(std::min(room, wanted), capacity_ + 1);
  require_host_memory(capacity - capacity_, cat("reading ", path_));
  void* block = std::realloc(buffer_.get(), static_cast<std::size_t>(capacity));
  if (block == nullptr) fail_memory(path_, capacity);
  static_cast<void>(buffer_.release());  // realloc has taken it
  buffer_.reset(static_cast<std::byte*>(block));
  capacity_ = capacity;
}

std::size_t ByteSource::read_raw(std::byte* to, std::size_t count) {
  for (;;) {
    const ssize_t got = ::read(file_, to, std::min(count, std::size_t{1} << 30));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) fail_input(path_, IoError::Action::read, "read", errno);
  }
}

std::int64_t ByteSource::inflate_some(std::byte* to, std::int64_t count) {
  Inflater& inflater = *inflater_;
  z_stream& stream = inflater.stream;
  const auto room = static_cast<uInt>(std::min(count, std::int64_t{1} << 30));
  stream.next_out = static_cast<Bytef*>(static_cast<void*>(to));
  stream.avail_out = room;
  while (stream.avail_out == room && !end_) {
    if (stream.avail_in == 0) {
      inflater.feed(read_raw(inflater.input.data(), inflater.input.size()));
      compressed_ += stream.avail_in;
      if (stream.avail_in == 0 && inflater.between_members) {
        end_ = true;
        break;
      }
      if (stream.avail_in == 0) {
        fail_damaged(path_, size_, "the gzip data ends in the middle",
                     cat("it has ", compressed_, " compressed bytes"),
                     "copy or download the file again");
      }
    }
    if (inflater.between_members) {
      if (*stream.next_in != 0x1F) {
        fail_damaged(path_, size_, "bytes that are not gzip follow the gzip data");
      }
      inflateReset(&stream);
      inflater.between_members = false;
    }
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    inflater.between_members = status == Z_STREAM_END;
    if (status == Z_MEM_ERROR) fail_memory(path_, size_);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      const std::int64_t at = size_ + static_cast<std::int64_t>(room - stream.avail_out);
      fail_damaged(path_, at, "the gzip data is wrong",
                   cat("zlib: ", stream.msg == nullptr ? "unknown" : stream.msg));
    }
  }
  return static_cast<std::int64_t>(room - stream.avail_out);
}

std::int64_t ByteSource::read_some(std::byte* to, std::int64_t count) {
  if (inflater_) return inflate_some(to, count);
  const auto got = static_cast<std::int64_t>(read_raw(to, static_cast<std::size_t>(count)));
  end_ = got == 0;
  return got;
}

std::span<const std::byte> ByteSource::first(std::int64_t count) {
  count = std::min(count, kMaxBytes + 1);
  while (size_ < count && !end_) {
    if (size_ == capacity_) grow(count);
    size_ += read_some(buffer_.get() + size_, std::min(capacity_, count) - size_);
    if (size_ > kMaxBytes) {
      fail_damaged(path_, size_, cat("it holds more than ", kMaxBytes, " bytes, the most allowed"));
    }
  }
  return {buffer_.get(), static_cast<std::size_t>(std::min(size_, count))};
}

std::span<const std::byte> ByteSource::exactly(std::int64_t begin, std::int64_t count,
                                               std::string_view what) {
  at_least(begin, count, what);
  // Asking for one byte more reaches the end of a gzip stream and its checksum.
  const std::int64_t end = begin + count;
  if (static_cast<std::int64_t>(first(end + 1).size()) > end) {
    fail_damaged(path_, end, "bytes follow the end of the data",
                 cat(what, " has ", count, " bytes"));
  }
  return first(end).subspan(static_cast<std::size_t>(begin));
}

std::span<const std::byte> ByteSource::at_least(std::int64_t begin, std::int64_t count,
                                                std::string_view what) {
  const std::int64_t end = count > kMaxBytes - begin ? kMaxBytes + 1 : begin + count;
  const auto bytes = first(end);
  const auto have = static_cast<std::int64_t>(bytes.size());
  if (have < end) {
    fail_damaged(path_, have, "it ends too early",
                 cat(what, " needs ", count, " bytes, ", have - begin, " are there"),
                 "copy or download the file again");
  }
  return bytes.subspan(static_cast<std::size_t>(begin));
}

}  // namespace minnow
