#pragma once

#include <minnow/error.h>

#include <optional>
#include <string>
#include <vector>

#include "machine/probe_report.h"

namespace minnow::machine {

/// A library of the vendor, loaded for good after the step was announced.
class OpenedLibrary {
 public:
  OpenedLibrary(const std::string& name, const std::vector<std::string>& run_path,
                const Reporter& report);

  explicit operator bool() const { return handle_ != nullptr; }
  const std::string& name() const { return name_; }
  /// The file itself, links followed.
  const std::string& path() const { return path_; }
  /// "dlopen(libx.so.1): cannot open shared object file"; empty: it was loaded.
  const std::string& problem() const { return problem_; }
  /// MN-L05, whether it was loaded or not.
  const std::optional<Failure>& damage() const { return damage_; }

  template <class F>
  F* function(const char* symbol) const {
    return reinterpret_cast<F*>(find(symbol));
  }
  const void* data(const char* symbol) const { return find(symbol); }

 private:
  void* find(const char* symbol) const;

  std::string name_;
  void* handle_;
  std::string path_;
  std::string problem_;
  std::optional<Failure> damage_;
};

}  // namespace minnow::machine
