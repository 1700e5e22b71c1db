#include "schedule.h"

#include <algorithm>
#include <utility>

#include "bf16_products.h"
#include "layout.h"

namespace minnow::cpu {
namespace {

// Estimates for the choice of workers alone. They do not depend on the instruction set, so that the
// choice is the same everywhere.
constexpr double kFlopsPerMicrosecond = 100e3;
constexpr double kParametersPerMicrosecond = 2500;
constexpr double kMicrosecondsWorthAWorker = 20;

struct Bytes {
  const float* begin;
  const float* end;
};
bool overlap(const Bytes& a, const Bytes& b) { return a.begin < b.end && b.begin < a.end; }
bool overlap(const std::vector<Bytes>& a, const std::vector<Bytes>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Bytes& x) {
    return std::any_of(b.begin(), b.end(), [&](const Bytes& y) { return overlap(x, y); });
  });
}

std::vector<Bytes> bytes_of(const TaskContext& context, const std::vector<ValueId>& ids) {
  std::vector<Bytes> found;
  for (const ValueId id : ids) {
    const Value& value = context.program.value(id);
    const float* begin = context.matrix(id).data;
    const bool in_arena = value.kind == ValueKind::parameter || value.kind == ValueKind::gradient;
    const std::int64_t floats =
        in_arena ? slice_floats(context.program.parameters()[static_cast<std::size_t>(value.slot)])
                 : activation_bytes(value) / 4;
    found.push_back({begin, begin + floats});
  }
  return found;
}

}  // namespace

std::vector<ScheduledTask> make_schedule(const TaskContext& context) {
  std::vector<ScheduledTask> schedule;
  std::vector<Bytes> read;  // since the last barrier
  std::vector<Bytes> written;
  for (std::size_t i = 0; i < context.program.ops().size(); ++i) {
    const Op& op = context.program.ops()[i];
    const auto inputs = bytes_of(context, op.inputs);
    auto outputs = bytes_of(context, op.outputs);
    if (context.bf16 != nullptr && runs_in_bf16(context.program, op)) {
      outputs.push_back({reinterpret_cast<const float*>(context.bf16->begin()),
                         reinterpret_cast<const float*>(context.bf16->end())});
    }
    bool first = true;
    for (auto& task : make_tasks(context, op)) {
      // The first task of a step meets the last of the step before; the tasks of one op follow one
      // another; an update touches everything.
      const bool barrier = schedule.empty() || !first || is_update(op.kind) ||
                           overlap(outputs, read) || overlap(outputs, written) ||
                           overlap(inputs, written);
      if (barrier) {
        read.clear();
        written.clear();
      }
      read.insert(read.end(), inputs.begin(), inputs.end());
      written.insert(written.end(), outputs.begin(), outputs.end());
      schedule.push_back({std::move(task), barrier, static_cast<int>(i)});
      first = false;
    }
  }
  return schedule;
}

double count_flops(const Program& program) {
  double flops = 0;
  for (const Op& op : program.ops()) {
    if (!is_product(op.kind)) continue;
    const Panels weight = panels_of(program, op);
    flops += 2.0 * static_cast<double>(program.value(op.inputs[0]).rows) *
             static_cast<double>(weight.outputs) * static_cast<double>(weight.inputs);
  }
  return flops;
}

int worthwhile_workers(const Program& program, int available) {
  double microseconds = count_flops(program) / kFlopsPerMicrosecond;
  for (const Op& op : program.ops()) {
    if (!is_update(op.kind)) continue;
    for (const ParameterSpec& spec : program.parameters()) {
      microseconds += static_cast<double>(slice_floats(spec)) / kParametersPerMicrosecond;
    }
  }
  const double workers = microseconds / kMicrosecondsWorthAWorker;
  return workers < available ? std::max(static_cast<int>(workers), 1) : available;
}

}  // namespace minnow::cpu
