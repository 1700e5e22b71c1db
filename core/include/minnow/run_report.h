#pragma once

/// How a fit really ran: on which device, what went wrong and what was done about it.
///
///     trainer.fit(x, y);
///     const minnow::RunReport& report = trainer.report();
///     if (report.fallback) log(report.fallback->failure.what);

#include <minnow/error.h>
#include <minnow/memory_plan.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace minnow {

struct RunReport {
  /// Steps that a device was seen to complete; more than History::steps when some were repeated.
  struct DeviceSteps {
    std::string device;
    std::int64_t steps = 0;
  };
  /// A device that was replaced by another one.
  struct Fallback {
    Failure failure;
    std::int64_t step = 0;  // 0: before the first one
  };

  std::string device_requested;  // "auto"
  std::string device_used;       // where the last step ran
  std::vector<DeviceSteps> steps_per_device;
  std::optional<Fallback> fallback;
  /// Everything that was announced, in order.
  std::vector<Failure> notices;
  std::int64_t retries = 0;     // after freeing memory
  std::int64_t microbatch = 0;  // rows that went through at once; 0: whole batches
  std::int64_t rollbacks = 0;   // after numbers that were not finite
  std::int64_t repeated_steps = 0;
  std::int64_t snapshots = 0;
  double snapshot_seconds = 0;
  MemoryPlan needed;  // planned before the first step
  MemoryPlan peak;    // held at most at once on the device that ran last
};

}  // namespace minnow
