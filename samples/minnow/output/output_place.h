#pragma once

/// Where the command puts what it makes, made sure of before the work.

#include <string>

namespace minnow::command {

/// Tries it: see check_output(). @throws IoError (open_output), exit 73, also for a device or a
/// pipe.
void require_writable(const std::string& file);

/// Of a model.
class OutputPlace {
 public:
  /// `out` as on the command line; empty: runs/<name>-NNNN/model.safetensors with the next number.
  /// @throws IoError (open_output).
  OutputPlace(const std::string& out, const std::string& name);
  /// Directories that were made here and hold nothing go, unless keep() was called.
  ~OutputPlace();
  OutputPlace(const OutputPlace&) = delete;
  OutputPlace& operator=(const OutputPlace&) = delete;

  /// Empty for --out=none.
  const std::string& path() const noexcept { return path_; }
  /// For a model that is moved here later.
  void keep() noexcept;

 private:
  std::string path_;
  std::string run_;     // the directory that was made, and
  std::string parent_;  // the one around it
};

}  // namespace minnow::command
