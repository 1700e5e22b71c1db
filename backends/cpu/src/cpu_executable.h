#pragma once

#include <minnow/backend.h>
#include <minnow/memory_budget.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "bf16_products.h"
#include "schedule.h"
#include "thread_pool.h"
#include "worker_choice.h"

namespace minnow::cpu {

class CpuExecutable final : public Executable, private ThreadPool::Work {
 public:
  /// `reserved`: plan(), in the backend's budget. `onednn`: for bf16; null: fp32.
  CpuExecutable(const Program& program, CpuArena& arena, const KernelTable& kernels,
                std::shared_ptr<ThreadPool> pool, const OnednnPlugin* onednn,
                MemoryBudget::Reservation reserved);

  void bind(const Feed& feed) override;
  void write(ValueId value, std::span<const float> values) override;
  void run(std::int64_t steps) override;
  std::span<const StepResult> wait() override;
  void read(ValueId value, std::span<float> values) const override;
  std::string explain() const override;
  std::int64_t max_steps() const override { return kMaxSteps; }
  double device_seconds() const override { return device_seconds_; }

  /// What this class would allocate.
  static MemoryPlan plan(const Program& program, int workers, const OnednnPlugin* onednn);

 private:
  static constexpr std::int64_t kMaxSteps = 8192;

  void run(int worker, int workers, Barrier* barrier) noexcept override;
  void resolve_step() noexcept;
  void finish_step() noexcept;
  [[noreturn]] void throw_not_finite();

  Program program_;
  CpuArena& arena_;
  const KernelTable& kernels_;
  std::shared_ptr<ThreadPool> pool_;
  int workers_;
  WorkerChoice choice_;
  MemoryBudget::Reservation reserved_;
  std::shared_ptr<std::byte> memory_;
  std::vector<Matrix> matrices_;
  std::unique_ptr<Bf16Products> bf16_;  // null: fp32
  std::unique_ptr<Update> update_;      // null: not a training step
  StepState state_;
  std::vector<ScheduledTask> schedule_;
  StepResult* results_ = nullptr;
  std::int64_t pending_ = 0;    // results since the last wait
  std::int64_t requested_ = 0;  // steps of the running run()
  bool undecided_ = false;      // the running step stopped before its update
  bool failed_ = false;
  double running_seconds_ = 0;  // since the last wait
  double device_seconds_ = 0;
};

}  // namespace minnow::cpu
