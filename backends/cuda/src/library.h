#pragma once

#include <string>

namespace minnow::cuda {

/// A vendor's shared library, opened when it is needed. Never closed: CUDA does not survive it.
class Library {
 public:
  /// @throws CallFailure, of kind `missing`, with the loader's words.
  explicit Library(const std::string& file);

  template <class F>
  void bind(F*& function, const char* name) const {
    function = reinterpret_cast<F*>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;

  std::string file_;
  void* handle_;
};

}  // namespace minnow::cuda
