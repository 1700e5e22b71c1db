#include "fit_memory.h"

#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <string>

namespace minnow {
namespace {

/// Adds up the programs of one trainer: they share its parameters, and some workspace.
class Sum {
 public:
  explicit Sum(const DeviceModel& device_model) : device_model_(device_model) {}
  void add(const ProgramKey& key) {
    if (key.batch == 0) return;
    const Program program = device_model_.program(key);
    const Backend& backend = device_model_.backend();
    const MemoryPlan one = backend.plan(program);
    const std::int64_t shared = backend.shared_workspace(program);
    total_.parameters = one.parameters;
    total_.gradients = std::max(total_.gradients, one.gradients);
    total_.optimizer = std::max(total_.optimizer, one.optimizer);
    total_.activations += one.activations;
    total_.workspace += one.workspace - shared;
    shared_ = std::max(shared_, shared);
  }
  MemoryPlan total() const {
    MemoryPlan total = total_;
    total.workspace += shared_;
    return total;
  }

 private:
  const DeviceModel& device_model_;
  MemoryPlan total_;
  std::int64_t shared_ = 0;
};

std::string table(const MemoryPlan& plan) {
  std::string text =
      cat(format_bytes(plan.total()), " = parameters ", format_bytes(plan.parameters),
          " + gradients ", format_bytes(plan.gradients), " + optimizer ",
          format_bytes(plan.optimizer), " + activations ", format_bytes(plan.activations));
  if (plan.data > 0) text += cat(" + data ", format_bytes(plan.data));
  return cat(text, " + workspace ", format_bytes(plan.workspace));
}

/// The largest batch below one that does not fit; 0: not even one row.
std::int64_t largest_batch(const DeviceModel& device_model, Workload workload, std::int64_t bytes) {
  workload.slice = 0;
  std::int64_t fits = 0;
  std::int64_t too_large = workload.batch;
  while (too_large - fits > 1) {
    workload.batch = fits + (too_large - fits) / 2;
    (plan_memory(device_model, workload).total() <= bytes ? fits : too_large) = workload.batch;
  }
  return fits;
}

}  // namespace

std::int64_t slice_rows(std::int64_t batch, std::int64_t most) {
  return most <= 0 || most >= batch ? 0 : most;
}

MemoryPlan plan_memory(const DeviceModel& device_model, const Workload& workload) {
  Sum programs(device_model);
  for (const std::int64_t batch : {workload.batch, workload.rows % workload.batch}) {
    programs.add(
        {Mode::train, batch, workload.x, workload.target, slice_rows(batch, workload.slice)});
  }
  if (workload.validation_rows > 0) {
    const std::int64_t most = std::min(workload.validation_batch, workload.validation_rows);
    for (const std::int64_t batch : {most, workload.validation_rows % most}) {
      programs.add({Mode::evaluate, batch, workload.validation_x, workload.target});
    }
  }
  MemoryPlan plan = programs.total();

  const std::int64_t inputs = device_model.model().inputs();
  const bool labels = workload.target == TargetKind::labels;
  const auto upload = [&](std::int64_t rows, DType x) {
    const Backend& backend = device_model.backend();
    plan.data += backend.upload_bytes(x, rows, inputs);
    plan.data += backend.upload_bytes(labels ? DType::i32 : DType::f32, rows,
                                      labels ? 1 : device_model.model().outputs());
  };
  upload(workload.rows, workload.x);
  if (workload.validation_rows > 0) upload(workload.validation_rows, workload.validation_x);
  return plan;
}

std::int64_t available(const DeviceModel& device_model) {
  const std::int64_t free = device_model.device().memory().free;
  return free < 0 ? free : free + device_model.held_bytes();
}

std::int64_t fitting_slice(const DeviceModel& device_model, Workload workload, std::int64_t bytes) {
  std::int64_t rows = workload.slice > 0 ? workload.slice : workload.batch;
  while (rows > 1) {
    rows = (rows + 1) / 2;
    workload.slice = rows;
    if (plan_memory(device_model, workload).total() <= bytes) return rows;
  }
  return 0;
}

void throw_does_not_fit(const DeviceModel& device_model, const Workload& workload,
                        const MemoryPlan& plan, std::int64_t bytes) {
  const DeviceInfo& device = device_model.device().info();
  const MemoryState memory = device_model.device().memory();
  ResourceExhausted::Alternatives fit{.needed = plan,
                                      .largest_batch = largest_batch(device_model, workload, bytes),
                                      .microbatch = fitting_slice(device_model, workload, bytes)};
  std::string remedy;
  if (fit.microbatch > 0) {
    Workload sliced = workload;
    sliced.slice = fit.microbatch;
    remedy = cat("slices of ", fit.microbatch, " rows keep batch ", workload.batch, " and need ",
                 format_bytes(plan_memory(device_model, sliced).total()), " (microbatch)");
  }
  if (fit.largest_batch > 0) {
    remedy +=
        cat(remedy.empty() ? "" : ", or ", "batch ", fit.largest_batch, ", the largest that fits");
  }
  if (memory.limited) remedy += cat(remedy.empty() ? "" : ", or ", "a higher memory limit");
  if (remedy.empty()) {
    remedy = cat("a smaller model", plan.data > 0 ? ", fewer rows" : "",
                 ", or a device with more memory");
  }
  throw ResourceExhausted(
      {.code = memory.limited           ? Code("MN-M03")
               : device.separate_memory ? Code("MN-M01")
                                        : Code("MN-M08"),
       .what = device.separate_memory || memory.limited
                   ? cat("this model does not fit on ", device.name, " with batch ", workload.batch,
                         ".")
                   : cat("not enough host memory for this model with batch ", workload.batch, "."),
       .evidence = cat("needs ", table(plan), "; free ", format_bytes(bytes),
                       memory.total < 0 ? "" : cat(" of ", format_bytes(memory.total)),
                       memory.evidence.empty() ? "" : cat(" (", memory.evidence, ")")),
       .remedy = std::move(remedy),
       .effect = "no training step was run; no weight was changed"},
      plan.total(), bytes, fit);
}

}  // namespace minnow
