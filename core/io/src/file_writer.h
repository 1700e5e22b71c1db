#pragma once

/// One file being written beside the one that it replaces. Unless commit() is reached, nothing of
/// it stays; where the file system can, it has no name until then, so that nothing stays of a
/// process that was killed either.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "output_target.h"

namespace minnow {

class FileWriter {
 public:
  FileWriter(const std::string& path, std::int64_t bytes, OutputTarget::Use use);
  ~FileWriter() { drop_temporary(); }
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::span<const std::byte> piece);
  void commit();
  /// All of it, to no effect. The writer is of no use afterwards.
  void try_all();

 private:
  void open();
  bool open_named();
  void give_name();
  void copy_to_named();
  void sync();
  void drop_temporary() noexcept;
  void try_room();
  void try_new_name();
  void try_replacing();
  int rename_to_free(const char* from, const char* to) const;

  OutputTarget target_;
  std::string temporary_;  // in the target's folder; empty while the file has no name
  Descriptor file_;
};

}  // namespace minnow
