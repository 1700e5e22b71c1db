#pragma once

/// Replacing a file atomically: readers see the old content or the new one, nothing in between,
/// also after a crash. A link stays a link: what it points to is replaced, or made. The content of
/// a device or a pipe is written into it.
///
///     minnow::check_output("table.csv");            // before the work
///     minnow::OutputFile file("table.csv");
///     file.write("a,b\n");
///     file.commit();

#include <minnow/export.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace minnow {

class FileWriter;

class MINNOW_API OutputFile {
 public:
  /// `bytes` is the size, where it is known: one above the limit on file size is an error here,
  /// and not a signal that ends the process. @throws IoError.
  explicit OutputFile(const std::string& path, std::int64_t bytes = 0);
  /// Without commit() the old file is as it was, and nothing of the new one is left behind.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// @throws IoError.
  void write(std::span<const std::byte> piece);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// The last call. @throws IoError; the old file is then as it was.
  void commit();

 private:
  std::unique_ptr<FileWriter> writer_;
};

/// Tries, before the work, all that an OutputFile of `bytes` will do at this path, to no effect: a
/// file that is there keeps its name and its content at every moment, a name that is free is taken
/// and given back. Of a device or a pipe only the permission is looked at.
/// @throws IoError (open_output).
MINNOW_API void check_output(const std::string& path, std::int64_t bytes = 0);

}  // namespace minnow
