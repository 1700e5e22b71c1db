#pragma once

#include <minnow/update_rule.h>

#include <memory>
#include <string>

#include "cpu_arena.h"
#include "kernels/kernel_table.h"

namespace minnow::cpu {

/// The update that ends a training step. All gradients are looked at first; then all numbers of the
/// arena are updated, or none is: a step after which a weight or moment might not be finite changes
/// nothing. That is told from the largest gradient and from bounds that the arena keeps of its
/// numbers, without reading them; where the bounds do not suffice, resolve() tries every number.
class Update {
 public:
  virtual ~Update() = default;

  /// A worker's part, before a barrier. Worker 0 makes the constants of the step.
  virtual void look(int worker, int workers) noexcept = 0;
  /// After it: updates a worker's part, or nothing when the bounds do not suffice. All workers come
  /// to the same answer.
  virtual bool apply(int worker, int workers) noexcept = 0;
  /// After all have applied, one thread: the arena's bounds and step count.
  virtual void finish_step() noexcept = 0;
  /// Instead of apply(), on one thread: tries the update on copies, then applies it. False, and
  /// nothing changed, when a number would not be finite.
  virtual bool resolve() noexcept = 0;
  /// The first parameter of which a number would not be finite: "update of 0.weight". Empty:
  /// none.
  virtual std::string first_not_finite() const = 0;
};

std::unique_ptr<Update> make_update(const UpdateRule& rule, const KernelTable& kernels,
                                    CpuArena& arena, int workers);

}  // namespace minnow::cpu
