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
  explicit Sum(const Execution& execution) : execution_(execution) {}
  void add(const ProgramKey& key) {
    if (key.batch == 0) return;
    const Program program = execution_.program(key);
    const Backend& backend = execution_.backend();
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
  const Execution& execution_;
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
std::int64_t largest_batch(const Execution& execution, FitNeeds needs, std::int64_t bytes) {
  needs.slice = 0;
  std::int64_t fits = 0;
  std::int64_t too_large = needs.batch;
  while (too_large - fits > 1) {
    needs.batch = fits + (too_large - fits) / 2;
    (plan_fit(execution, needs).total() <= bytes ? fits : too_large) = needs.batch;
  }
  return fits;
}

}  // namespace

std::int64_t slice_rows(std::int64_t batch, std::int64_t most) {
  return most <= 0 || most >= batch ? 0 : most;
}

MemoryPlan plan_fit(const Execution& execution, const FitNeeds& needs) {
  Sum programs(execution);
  for (const std::int64_t batch : {needs.batch, needs.rows % needs.batch}) {
    programs.add({Mode::train, batch, needs.x, needs.target, slice_rows(batch, needs.slice)});
  }
  if (needs.validation_rows > 0) {
    const std::int64_t most = std::min(needs.validation_batch, needs.validation_rows);
    for (const std::int64_t batch : {most, needs.validation_rows % most}) {
      programs.add({Mode::evaluate, batch, needs.validation_x, needs.target});
    }
  }
  MemoryPlan plan = programs.total();

  const std::int64_t inputs = execution.model().inputs();
  const bool labels = needs.target == TargetKind::labels;
  const auto upload = [&](std::int64_t rows, DType x) {
    const Backend& backend = execution.backend();
    plan.data += backend.upload_bytes(x, rows, inputs);
    plan.data += backend.upload_bytes(labels ? DType::i32 : DType::f32, rows,
                                      labels ? 1 : execution.model().outputs());
  };
  upload(needs.rows, needs.x);
  if (needs.validation_rows > 0) upload(needs.validation_rows, needs.validation_x);
  return plan;
}

std::int64_t available(const Execution& execution) {
  const std::int64_t free = execution.device().memory().free;
  return free < 0 ? free : free + execution.held_bytes();
}

std::int64_t fitting_slice(const Execution& execution, FitNeeds needs, std::int64_t bytes) {
  std::int64_t rows = needs.slice > 0 ? needs.slice : needs.batch;
  while (rows > 1) {
    rows = (rows + 1) / 2;
    needs.slice = rows;
    if (plan_fit(execution, needs).total() <= bytes) return rows;
  }
  return 0;
}

void throw_does_not_fit(const Execution& execution, const FitNeeds& needs, const MemoryPlan& plan,
                        std::int64_t bytes) {
  const DeviceInfo& device = execution.device().info();
  const MemoryState memory = execution.device().memory();
  ResourceExhausted::Fit fit{.needed = plan,
                             .largest_batch = largest_batch(execution, needs, bytes),
                             .microbatch = fitting_slice(execution, needs, bytes)};
  std::string remedy;
  if (fit.microbatch > 0) {
    FitNeeds sliced = needs;
    sliced.slice = fit.microbatch;
    remedy = cat("slices of ", fit.microbatch, " rows keep batch ", needs.batch, " and need ",
                 format_bytes(plan_fit(execution, sliced).total()), " (microbatch)");
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
       .what =
           device.separate_memory || memory.limited
               ? cat("this model does not fit on ", device.name, " with batch ", needs.batch, ".")
               : cat("not enough host memory for this model with batch ", needs.batch, "."),
       .evidence = cat("needs ", table(plan), "; free ", format_bytes(bytes),
                       memory.total < 0 ? "" : cat(" of ", format_bytes(memory.total)),
                       memory.evidence.empty() ? "" : cat(" (", memory.evidence, ")")),
       .remedy = std::move(remedy),
       .effect = "no training step was run; no weight was changed"},
      plan.total(), bytes, fit);
}

}  // namespace minnow
