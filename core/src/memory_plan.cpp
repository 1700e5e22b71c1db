#include <minnow/memory_plan.h>

#include <minnow/base/text.h>

#include <cstdio>

namespace minnow {

std::string format_bytes(std::int64_t bytes) {
  if (bytes < 1024) return cat(bytes, " B");
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  double amount = static_cast<double>(bytes) / 1024.0;
  int unit = 0;
  for (; amount >= 1024.0 && unit < 3; ++unit) amount /= 1024.0;
  char text[32];
  std::snprintf(text, sizeof text, amount < 9.995 ? "%.2f" : "%.1f", amount);
  return cat(static_cast<const char*>(text), " ", kUnits[unit]);
}

std::string MemoryPlan::str() const {
  return cat("parameters ", format_bytes(parameters), ", gradients ", format_bytes(gradients),
             ", optimizer ", format_bytes(optimizer), ", activations ", format_bytes(activations),
             data == 0 ? "" : ", data ", data == 0 ? "" : format_bytes(data), ", workspace ",
             format_bytes(workspace), "; total ", format_bytes(total()));
}

}  // namespace minnow
