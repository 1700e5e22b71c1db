#pragma once

/// Replacing a file atomically: readers see the old content or the new one, nothing in between,
/// also after a crash. A path that is a device or a pipe is written in place.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minnow {

/// The pieces one after another. @throws IoError; the old file is then as it was and nothing of
/// the new one is left behind.
void write_file(const std::string& path, const std::vector<std::span<const std::byte>>& pieces);

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace minnow
