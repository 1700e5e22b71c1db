#include "machine/elf_file.h"

#include <minnow/base/files.h>
#include <minnow/base/text.h>

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace minnow::machine {
namespace {

class Reader {
 public:
  explicit Reader(const std::string& path) : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Reader() {
    if (file_ >= 0) close(file_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  std::uint64_t size() const {
    struct stat status {};
    return file_ >= 0 && fstat(file_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size)
                                                    : 0;
  }
  template <class T>
  bool read(T* values, std::size_t count, std::uint64_t offset) const {
    const std::size_t bytes = count * sizeof(T);
    return file_ >= 0 &&
           pread(file_, values, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes);
  }

 private:
  int file_;
};

constexpr int kMachine = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;

using Segments = std::vector<ElfW(Phdr)>;

// Where a virtual address stands in the file.
std::uint64_t offset_of(const Segments& segments, std::uint64_t address) {
  for (const auto& segment : segments) {
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
        address < segment.p_vaddr + segment.p_filesz) {
      return address - segment.p_vaddr + segment.p_offset;
    }
  }
  return 0;
}

std::vector<std::string> folders_of(std::string_view paths, const std::string& origin) {
  std::vector<std::string> found;
  for (const std::string_view path : split(paths, ":")) {
    std::string folder(path);
    for (const std::string word : {"$ORIGIN", "${ORIGIN}"}) {
      if (path.starts_with(word)) folder = cat(origin, path.substr(word.size()));
    }
    found.push_back(std::move(folder));
  }
  return found;
}

void read_dynamic(const Reader& reader, const Segments& segments, const std::string& origin,
                  ElfFile& file) {
  constexpr std::uint64_t kMaxEntries = 4096;
  constexpr std::uint64_t kMaxText = 1 << 24;
  const auto dynamic = std::find_if(segments.begin(), segments.end(), [](const auto& segment) {
    return segment.p_type == PT_DYNAMIC;
  });
  if (dynamic == segments.end()) return;
  const std::uint64_t count = dynamic->p_filesz / sizeof(ElfW(Dyn));
  std::vector<ElfW(Dyn)> entries(std::min(count, kMaxEntries));
  if (!reader.read(entries.data(), entries.size(), dynamic->p_offset)) return;
  std::uint64_t text_at = 0;
  std::uint64_t text_bytes = 0;
  for (const auto& entry : entries) {
    if (entry.d_tag == DT_STRTAB) text_at = offset_of(segments, entry.d_un.d_ptr);
    if (entry.d_tag == DT_STRSZ) text_bytes = entry.d_un.d_val;
  }
  std::string text(std::min(text_bytes, kMaxText), '\0');
  if (!reader.read(text.data(), text.size(), text_at)) return;
  for (const auto& entry : entries) {
    if (entry.d_tag == DT_NULL) return;
    const bool path = entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH;
    if ((entry.d_tag != DT_NEEDED && !path) || entry.d_un.d_val >= text.size()) continue;
    const std::string value = text.c_str() + entry.d_un.d_val;
    if (path) {
      file.run_path = folders_of(value, origin);
    } else {
      file.libraries.push_back(value);
    }
  }
}

}  // namespace

ElfFile read_elf(const std::string& path) {
  const Reader reader(path);
  ElfFile file;
  file.bytes = reader.size();
  ElfW(Ehdr) header{};
  if (!reader.read(&header, 1, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return file;
  }
  file.foreign = header.e_ident[EI_CLASS] != kMachine;
  if (file.foreign || header.e_phentsize != sizeof(ElfW(Phdr))) return file;
  file.needed = header.e_shoff + std::uint64_t{header.e_shnum} * header.e_shentsize;
  Segments segments(header.e_phnum);
  if (!reader.read(segments.data(), segments.size(), header.e_phoff)) return file;
  for (const auto& segment : segments) {
    file.needed = std::max<std::uint64_t>(file.needed, segment.p_offset + segment.p_filesz);
  }
  read_dynamic(reader, segments, folder_of(path), file);
  return file;
}

}  // namespace minnow::machine
