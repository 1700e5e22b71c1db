#include "arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "sanitizers.h"
#include "state.h"

namespace fakecuda {
namespace {

constexpr std::size_t kReserved = std::size_t{32} << 30U;
constexpr std::size_t kAlignment = 256;
constexpr std::size_t kRedZone = 256;
constexpr int kFresh = 0xFF;  // every float and bfloat16 of it is NaN
constexpr unsigned char kRedZoneByte = 0xFB;
// Freed addresses are used again only after this much: stale pointers keep pointing at nothing.
constexpr std::size_t kQuarantine = std::size_t{64} << 20U;

std::size_t round_up(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace

void Arena::reserve() {
  if (base_ != nullptr) return;
  void* range =
      mmap(nullptr, kReserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) {
    complain("cannot reserve the address range of the device memory");
    std::abort();
  }
  base_ = static_cast<char*>(range);
  // Opening and closing the arena walks its pages, so they had better be few.
  madvise(base_, kReserved, MADV_HUGEPAGE);
  high_ = base_ + kRedZone;
  cursor_ = high_;
  poison(base_, kRedZone);
}

char* Arena::find_gap(char* from, char* to, std::size_t bytes) const {
  char* at = from;
  for (auto next = live_.lower_bound(from); next != live_.end() && next->first < to; ++next) {
    if (static_cast<std::size_t>(next->first - at) >= bytes) return at;
    at = next->second.end;
  }
  return at < to && static_cast<std::size_t>(to - at) >= bytes ? at : nullptr;
}

void* Arena::allocate(std::size_t bytes, std::size_t limit) {
  if (bytes == 0 || bytes > limit || in_use_ + round_up(bytes) > limit) return nullptr;
  reserve();
  char* const first = base_ + kRedZone;
  char* const window = first + std::min(kReserved - kRedZone, 2 * limit + kQuarantine);
  const std::size_t whole = round_up(bytes) + kRedZone;
  char* at = cursor_ < window ? find_gap(cursor_, window, whole) : nullptr;
  if (at == nullptr) at = find_gap(first, window, whole);
  if (at == nullptr) at = find_gap(first, base_ + kReserved, whole);
  if (at == nullptr) return nullptr;
  char* const end = at + whole;
  {
    if (end > high_) {
      poison(high_, static_cast<std::size_t>(end - high_));
      high_ = end;
    }
    const DeviceAccess access;
    protect(true);  // the range may have grown under an access that was open already
    unpoison(at, whole);
    std::memset(at, kFresh, bytes);
    std::memset(at + bytes, kRedZoneByte, whole - bytes);
    poison(at + bytes, whole - bytes);
  }
  live_[at] = {.bytes = bytes, .end = end};
  cursor_ = end;
  in_use_ += round_up(bytes);
  peak_ = std::max(peak_, in_use_);
  return at;
}

bool Arena::release(void* pointer) {
  const auto found = live_.find(static_cast<char*>(pointer));
  if (found == live_.end()) return false;
  poison(found->first, found->second.bytes);
  // The pages go back to the system; what stays of a page is not worth keeping a pattern in.
  const std::size_t page = page_size();
  const auto begin = (reinterpret_cast<std::uintptr_t>(found->first) + page - 1) / page * page;
  const auto end =
      (reinterpret_cast<std::uintptr_t>(found->first) + found->second.bytes) / page * page;
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  in_use_ -= round_up(found->second.bytes);
  live_.erase(found);
  return true;
}

bool Arena::covers(const void* pointer) const {
  const auto* const address = static_cast<const char*>(pointer);
  return base_ != nullptr && !std::less<>{}(address, base_) &&
         std::less<>{}(address, base_ + kReserved);
}

std::optional<std::string> Arena::refuse(const void* pointer, std::size_t bytes) const {
  if (!covers(pointer)) return "is not a device address";
  auto* const address = const_cast<char*>(static_cast<const char*>(pointer));
  auto next = live_.upper_bound(address);
  if (next == live_.begin()) return "is before every allocation";
  const auto& [start, allocation] = *std::prev(next);
  const auto offset = static_cast<std::size_t>(address - start);
  if (offset > allocation.bytes || (bytes > 0 && offset == allocation.bytes)) {
    return "is in no live allocation (the one before it has " + std::to_string(allocation.bytes) +
           " bytes and starts " + std::to_string(offset) + " bytes earlier)";
  }
  if (bytes > allocation.bytes - offset) {
    return "has " + std::to_string(allocation.bytes - offset) +
           " bytes left in its allocation of " + std::to_string(allocation.bytes) + ", not " +
           std::to_string(bytes);
  }
  return std::nullopt;
}

std::optional<std::string> Arena::damaged_red_zone() {
  if (kAddressSanitizer) return std::nullopt;  // it has already named the line
  const DeviceAccess access;
  for (const auto& [start, allocation] : live_) {
    auto* const zone = reinterpret_cast<unsigned char*>(start) + allocation.bytes;
    auto* const end = reinterpret_cast<unsigned char*>(allocation.end);
    unsigned char* const damage =
        std::find_if(zone, end, [](unsigned char byte) { return byte != kRedZoneByte; });
    if (damage == end) continue;
    const auto beyond = damage - zone;
    std::fill(zone, end, kRedZoneByte);
    return "wrote " + std::to_string(beyond) + " bytes past the end of an allocation of " +
           std::to_string(allocation.bytes) + " bytes";
  }
  return std::nullopt;
}

void Arena::protect(bool accessible) {
  const int protection = accessible ? PROT_READ | PROT_WRITE : PROT_NONE;
  const std::size_t page = page_size();
  const std::size_t used = (static_cast<std::size_t>(high_ - base_) + page - 1) / page * page;
  if (mprotect(base_, used, protection) != 0) {
    complain("mprotect of the device memory failed");
    std::abort();
  }
}

void Arena::open(bool guard) {
  if (opened_++ > 0 || base_ == nullptr) return;
  guarded_ = guard;
  protect(true);
}

void Arena::close() {
  if (--opened_ > 0 || base_ == nullptr) return;
  if (guarded_) protect(false);
}

DeviceAccess::DeviceAccess() { state().arena.open(state().settings.guard); }
DeviceAccess::~DeviceAccess() { state().arena.close(); }

}  // namespace fakecuda
