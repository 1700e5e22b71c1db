#include <minnow/base/allocation_failure.h>

#include <minnow/base/text.h>
#include <minnow/error.h>
#include <minnow/memory_plan.h>

#include <string>

namespace minnow {
namespace {

constexpr const char* kRemedy = "give a smaller batch or model, or less data at a time";

std::string available(const HostMemory& host) {
  if (host.free < 0) return "";
  return cat("; available ", format_bytes(host.free), " (", host.evidence, ")");
}

}  // namespace

void throw_not_enough_host_memory(std::int64_t bytes, std::string_view what,
                                  std::string_view detail) {
  throw_not_enough_host_memory(bytes, what, detail, host_memory());
}

void throw_not_enough_host_memory(std::int64_t bytes, std::string_view what,
                                  std::string_view detail, const HostMemory& host) {
  throw ResourceExhausted({.code = "MN-M08",
                           .what = cat("not enough host memory for ", what, "."),
                           .evidence = cat(detail, detail.empty() ? "" : ": ", "needs ",
                                           format_bytes(bytes), available(host)),
                           .remedy = kRemedy,
                           .effect = "nothing was allocated"},
                          bytes, host.free);
}

void throw_allocation_failed(std::string_view doing) {
  const HostMemory host = host_memory();
  throw ResourceExhausted({.code = "MN-M08",
                           .what = cat("not enough host memory while ", doing, "."),
                           .evidence = cat("an allocation failed", available(host)),
                           .remedy = kRemedy,
                           .effect = "the weights are those after the last complete step"},
                          0, host.free);
}

}  // namespace minnow
