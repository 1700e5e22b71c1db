#pragma once

#include <minnow/device_report.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "machine/evidence.h"
#include "machine/probe_report.h"

namespace minnow {

/// How far to look: to the first cause that rules out every GPU, or at what comes after it, too.
enum class Search { to_first_cause, everything };

/// From what the machine shows to a GPU that can be used, rung by rung: files and environment, the
/// driver's library, another process that tries everything, and only then this one.
struct Ladder {
  machine::Evidence evidence;
  /// The machine shows a GPU of NVIDIA's, or its driver.
  bool hardware = false;
  /// The first true cause that rules out every GPU.
  std::optional<Failure> failure;
  std::string plugin;  // its file, empty: nowhere
  machine::ProbeReport probe;
  std::vector<std::string> broken_libraries;  // that are optional: "cudnn"
  Search search = Search::to_first_cause;
  std::string without_probe;  // why no other process was asked; empty: it was, or need not be
  double probe_milliseconds = 0;

  /// Why this GPU cannot be used; null when it can, or when only opening it will tell.
  const Failure* refusal(int ordinal) const;
};

/// Looks, or answers what it found before under the same environment. From any thread.
std::shared_ptr<const Ladder> find_gpus(Search search);

}  // namespace minnow
