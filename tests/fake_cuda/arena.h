#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

namespace fakecuda {

// The device's memory: one reserved range of addresses, unreadable to the host except while device
// work runs. Every allocation is followed by a red zone and starts filled with NaN.
class Arena {
 public:
  // nullptr when fewer than `bytes` are free under `limit`, or `bytes` is 0.
  void* allocate(std::size_t bytes, std::size_t limit);
  // False when `pointer` is not the start of a live allocation.
  bool release(void* pointer);

  // Any address of the arena, allocated or not.
  bool covers(const void* pointer) const;
  // The reason why [pointer, pointer + bytes) is not inside one live allocation.
  std::optional<std::string> refuse(const void* pointer, std::size_t bytes) const;
  // The first allocation whose red zone was overwritten, in words; it is repaired.
  std::optional<std::string> damaged_red_zone();

  // Nested: the host may touch device memory between open() and close().
  void open(bool guard);
  void close();

  std::size_t bytes_in_use() const { return in_use_; }
  std::size_t peak_bytes() const { return peak_; }
  void reset_peak() { peak_ = in_use_; }

 private:
  struct Allocation {
    std::size_t bytes = 0;
    char* end = nullptr;  // of its red zone
  };
  void reserve();
  char* find_gap(char* from, char* to, std::size_t bytes) const;
  void protect(bool accessible);

  std::map<char*, Allocation> live_;
  char* base_ = nullptr;
  char* high_ = nullptr;    // nothing was ever allocated from here on
  char* cursor_ = nullptr;  // the end of the latest allocation: fresh addresses first
  std::size_t in_use_ = 0;
  std::size_t peak_ = 0;
  int opened_ = 0;
  bool guarded_ = false;
};

// Opens the arena for a scope.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

}  // namespace fakecuda
