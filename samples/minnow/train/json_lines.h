#pragma once

/// What --json writes: JSON Lines, one object per epoch and one for the run. A number that is not
/// finite is null, bytes that are no UTF-8 are replaced, so every line is valid.

#include <minnow/trainer.h>

#include <map>
#include <string>

#include "terminal/exit_codes.h"
#include "train/run.h"

namespace minnow::command {

std::string epoch_json(const EpochResult& epoch);
/// {"run": {...}}; `problem` is null unless the run failed.
std::string run_json(const Run& run, Exit exit, const Problem* problem);

struct Summary {
  const Model& model;
  const std::map<std::string, std::string>& trained;  // what a saved model says of its training
  std::string optimizer = {};
  std::string loss = {};
  MemoryPlan plan = {};
  std::string device = {};
  std::int64_t batch = 0;
};
/// {"summary": {...}}
std::string summary_json(const Summary& summary);

}  // namespace minnow::command
