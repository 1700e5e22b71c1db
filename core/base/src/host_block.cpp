#include <minnow/base/host_block.h>

#include <minnow/base/allocation_failure.h>
#include <minnow/base/host_memory.h>

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace minnow {
namespace {

constexpr std::align_val_t kAlignment{64};

// Rows that a shuffle picks are spread over more small pages than a processor remembers, and
// finding one takes as long as reading the row. A wish: without huge pages nothing changes but the
// time.
void ask_for_huge_pages(void* memory, std::size_t size) {
  constexpr std::uintptr_t kHugePage = std::uintptr_t{2} << 20;
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t begin = (address + kHugePage - 1) / kHugePage * kHugePage;
  const std::uintptr_t end = (address + size) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

// From here on zeroing takes so long that a look at the machine's memory does not count.
constexpr std::int64_t kLarge = std::int64_t{16} << 20;

}  // namespace

void require_host_memory(std::int64_t bytes, std::string_view what, std::string_view detail) {
  if (bytes < kLarge) return;
  const HostMemory host = host_memory();
  if (host.free >= 0 && bytes > host.free + host.swap)
    throw_not_enough_host_memory(bytes, what, detail, host);
}

std::shared_ptr<std::byte> allocate_host(std::int64_t bytes, std::string_view what,
                                         std::string_view detail) {
  require_host_memory(bytes, what, detail);
  const auto size = static_cast<std::size_t>(bytes);
  void* memory = ::operator new(size, kAlignment, std::nothrow);
  if (memory == nullptr) throw_not_enough_host_memory(bytes, what, detail);
  ask_for_huge_pages(memory, size);
  std::memset(memory, 0, size);
  return {static_cast<std::byte*>(memory),
          [](std::byte* block) { ::operator delete(block, kAlignment); }};
}

}  // namespace minnow
