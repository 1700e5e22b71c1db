#include <algorithm>
#include <exception>

#include "fake_cuda.h"
#include "state.h"

using fakecuda::state;

extern "C" {

int fakecuda_config(const char* text) {
  const std::lock_guard lock(state().mutex);
  try {
    state().configure(fakecuda::parse_config(text));
  } catch (const std::exception& error) {
    fakecuda::complain(std::string("fakecuda_config ") + error.what());
    return -1;
  }
  return 0;
}

long fakecuda_calls(const char* api) {
  const std::lock_guard lock(state().mutex);
  if (api == nullptr) return static_cast<long>(state().injectable_calls.size());
  const auto found = state().calls.find(api);
  return found == state().calls.end() ? 0 : found->second;
}

const char* fakecuda_call_name(long n) {
  const std::lock_guard lock(state().mutex);
  const auto& calls = state().injectable_calls;
  if (n < 1 || static_cast<std::size_t>(n) > calls.size()) return nullptr;
  return calls[static_cast<std::size_t>(n) - 1];
}

long fakecuda_launches(const char* part) {
  const std::lock_guard lock(state().mutex);
  long total = 0;
  for (const auto& [kernel, count] : state().launches) {
    if (part == nullptr || kernel.find(part) != std::string::npos ||
        fakecuda::demangle(kernel).find(part) != std::string::npos) {
      total += count;
    }
  }
  return total;
}

long fakecuda_graph_launches() {
  const std::lock_guard lock(state().mutex);
  return state().graph_launches;
}

long fakecuda_live_objects() {
  const std::lock_guard lock(state().mutex);
  return static_cast<long>(state().objects.size());
}

void fakecuda_live_report(char* text, std::size_t size) {
  const std::lock_guard lock(state().mutex);
  if (size == 0) return;
  const std::string report = state().objects.report().substr(0, size - 1);
  *std::copy(report.begin(), report.end(), text) = '\0';
}

std::size_t fakecuda_bytes_in_use() {
  const std::lock_guard lock(state().mutex);
  return state().arena.bytes_in_use();
}

std::size_t fakecuda_peak_bytes() {
  const std::lock_guard lock(state().mutex);
  return state().arena.peak_bytes();
}

}  // extern "C"
