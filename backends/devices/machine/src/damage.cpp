#include "machine/damage.h"

#include <minnow/base/files.h>
#include <minnow/base/text.h>

#include <algorithm>
#include <iterator>

#include "machine/elf_file.h"
#include "machine/library_search.h"
#include "machine/vendor_text.h"

namespace minnow::machine {
namespace {

Failure damaged(std::string evidence, const std::string& path) {
  return {.code = "MN-L05",
          .what = "a CUDA library file is damaged.",
          .evidence = std::move(evidence),
          .remedy = reinstall(path)};
}

}  // namespace

std::string reinstall(const std::string& path) {
  const std::string name = name_in(path);
  if (name.starts_with("libcudnn")) return "reinstall cuDNN";
  if (name.starts_with("libcublas")) return "reinstall cuBLAS";
  if (name.starts_with("libcudart")) return "reinstall the CUDA runtime";
  if (name.starts_with("libminnow")) return "reinstall minnow";
  return "reinstall the NVIDIA driver";
}

std::optional<Failure> damage_by_loader(const std::string& file, const std::string& error) {
  constexpr std::string_view kSigns[] = {"file too short",          "invalid ELF header",
                                         "ELF load command",        "cannot read file data",
                                         "cannot dynamically load", "object file has no"};
  const bool sign = std::any_of(std::begin(kSigns), std::end(kSigns), [&](std::string_view text) {
    return error.find(text) != std::string::npos;
  });
  if (!sign) return std::nullopt;
  return damaged(loader_text(file, error), blamed_by_loader(file, error));
}

std::optional<Failure> damage_by_size(const std::string& path, const std::string& crash) {
  const ElfFile file = read_elf(path);
  if (!file.truncated()) return std::nullopt;
  const std::string size = megabytes(static_cast<double>(file.bytes));
  const std::string needed = megabytes(static_cast<double>(file.needed));
  return damaged(cat(crash.empty() ? "" : "loading ", path, " (", size, ")", crash,
                     "; its ELF header needs ", needed),
                 path);
}

}  // namespace minnow::machine
