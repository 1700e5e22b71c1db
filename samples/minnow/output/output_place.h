#pragma once

/// Where train puts the model, made sure of before the first step.

#include <string>

namespace minnow::command {

/// Makes a file beside it and removes it. @throws IoError (open_output) when it cannot: exit 73.
void require_writable(const std::string& file);

class OutputPlace {
 public:
  /// `out` as on the command line; empty: runs/<name>-NNNN/model.safetensors with the next number.
  /// @throws IoError (open_output).
  OutputPlace(const std::string& out, const std::string& name);
  /// Directories that were made here and hold nothing go.
  ~OutputPlace();
  OutputPlace(const OutputPlace&) = delete;
  OutputPlace& operator=(const OutputPlace&) = delete;

  /// Empty for --out=none.
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  std::string run_;     // the directory that was made, and
  std::string parent_;  // the one around it
};

}  // namespace minnow::command
