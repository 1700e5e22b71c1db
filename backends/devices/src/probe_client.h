#pragma once

#include <string>

#include "machine/probe_report.h"

namespace minnow {

/// How minnow-probe went.
struct ProbeRun {
  machine::ProbeReport report;
  /// Why it could not be started; empty: it was.
  std::string not_started;
  /// Of a probe that did not come to its end, on the topic of its last step.
  std::optional<Failure> died;
  double milliseconds = 0;
};

/// Tries driver, plugin and libraries in another process. `plugin` may be empty. With `everything`
/// it goes on after what rules out every GPU. The file is the one that MINNOW_PROBE names, or it is
/// looked for beside libminnow, where it was installed, and in ../libexec/minnow and ../bin from
/// there. MINNOW_PROBE_TIMEOUT_MS: how long it may take, 10000.
ProbeRun run_probe(const std::string& plugin, bool everything);

}  // namespace minnow
