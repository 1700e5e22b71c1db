#include "counting_new.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>

namespace minnow::testing {
namespace {

constexpr long kNever = std::numeric_limits<long>::max();
constexpr std::size_t kAlignment = 64;

std::atomic<long> made{0};
std::atomic<long> deleted{0};
std::atomic<std::int64_t> bytes_in_blocks{0};
std::atomic<long> first_failure{kNever};
std::atomic<long> last_failure{kNever};

// Before each allocation. What is aligned to less than 64 bytes counts no bytes.
struct alignas(kAlignment) Header {
  std::size_t block_bytes;
};

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  const long number = ++made;
  void* memory = nullptr;
  if ((number >= first_failure && number <= last_failure) || alignment > kAlignment ||
      posix_memalign(&memory, kAlignment, sizeof(Header) + size) != 0) {
    ++deleted;
    return nullptr;
  }
  auto* header = new (memory) Header{alignment == kAlignment ? size : 0};
  bytes_in_blocks += static_cast<std::int64_t>(header->block_bytes);
  return header + 1;
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* memory = allocate(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  ++deleted;
  Header* header = static_cast<Header*>(memory) - 1;
  bytes_in_blocks -= static_cast<std::int64_t>(header->block_bytes);
  std::free(header);
}

}  // namespace

long allocations() { return made; }
long live_allocations() { return made - deleted; }
std::int64_t block_bytes() { return bytes_in_blocks; }

void fail_allocations(long first, long count) {
  const long start = made + first;
  last_failure = count > kNever - start ? kNever : start + count - 1;
  first_failure = start;
}
void fail_no_allocation() { first_failure = kNever; }

}  // namespace minnow::testing

using minnow::testing::allocate;
using minnow::testing::allocate_or_throw;
using minnow::testing::release;

void* operator new(std::size_t size) { return allocate_or_throw(size, 16); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 16); }
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
