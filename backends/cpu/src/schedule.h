#pragma once

#include <minnow/activation_plan.h>

#include <memory>
#include <vector>

#include "tasks.h"

namespace minnow::cpu {

struct ScheduledTask {
  std::unique_ptr<Task> task;
  bool barrier;  // wait for all workers first
  int op;        // index in Program::ops()
};

/// The program's tasks in order. Neighbours that share no bytes (a weight's and a bias's gradient)
/// run without a barrier between them.
std::vector<ScheduledTask> make_schedule(const TaskContext& context);

/// How many workers a step is worth: sharing costs some microseconds, so short steps stay on one.
int worthwhile_workers(const Program& program, int available);

/// Multiplications and additions of a step's products.
double count_flops(const Program& program);

}  // namespace minnow::cpu
