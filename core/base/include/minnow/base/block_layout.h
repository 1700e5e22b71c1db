#pragma once

#include <cstdint>

namespace minnow {

/// Places parts of one block of memory, one after another, each at a multiple of `alignment`.
///
///     BlockLayout layout(64);
///     const std::int64_t first = layout.add(100);   // 0
///     const std::int64_t second = layout.add(4);    // 128
///     allocate(layout.bytes());                     // 192
class BlockLayout {
 public:
  constexpr explicit BlockLayout(std::int64_t alignment) : alignment_(alignment) {}

  /// Makes room. Returns where it begins.
  constexpr std::int64_t add(std::int64_t bytes) {
    const std::int64_t begin = bytes_;
    bytes_ += (bytes + alignment_ - 1) / alignment_ * alignment_;
    return begin;
  }
  /// Of all parts.
  constexpr std::int64_t bytes() const { return bytes_; }

 private:
  std::int64_t alignment_;
  std::int64_t bytes_ = 0;
};

}  // namespace minnow
