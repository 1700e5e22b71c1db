#pragma once

/// The lines of train that a person reads. Banner, header and results fit 80 columns.

#include <minnow/memory_plan.h>
#include <minnow/model.h>

#include <string>

#include "terminal/terminal.h"
#include "train/run.h"

namespace minnow::command {

/// "minnow: device=cpu (Eigen x86-64-v4, 2 threads)"
std::string banner(const Run& run, const Terminal& terminal);
/// run, data, model and train; lines end in "\n".
std::string header(const Run& run, const Model& model, const MemoryPlan& plan,
                   const Terminal& terminal);
/// "epoch 1/10 1719 steps 1.1s 50400/s loss 0.5021+-0.0016 acc 82.4% ... best"
std::string epoch_line(const EpochResult& epoch, const Run& run);
/// Best epoch, test, saved, time; lines end in "\n".
std::string results(const Run& run, const Terminal& terminal);
/// The block that a signal leaves.
std::string interrupted(const Run& run, const Terminal& terminal);

}  // namespace minnow::command
