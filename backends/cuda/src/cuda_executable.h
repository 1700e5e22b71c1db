#pragma once

#include <minnow/backend.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cuda_arena.h"
#include "lowering.h"
#include "step_graph.h"
#include "storage.h"

namespace minnow::cuda {

class CudaExecutable final : public Executable {
 public:
  static constexpr std::int64_t kMaxSteps = 8192;

  CudaExecutable(const Program& program, CudaArena& arena, std::shared_ptr<Context> context);
  ~CudaExecutable() override { context_->make_current(); }

  void bind(const Feed& feed) override;
  void write(ValueId value, std::span<const float> values) override;
  void run(std::int64_t steps) override;
  std::span<const StepResult> wait() override;
  void read(ValueId value, std::span<float> values) const override;
  std::string explain() const override;
  std::int64_t max_steps() const override { return kMaxSteps; }
  double device_seconds() const override { return device_seconds_; }

 private:
  LoweringContext lowering() const;
  Lowered lower_plain() const;
  void allocate();
  void make_launches();
  void start(std::int64_t steps);
  void launch_each(const std::vector<Launch>& launches, bool checked) const;
  void collect();
  [[noreturn]] void throw_not_finite();
  /// Runs the step op by op; the first one that fails by itself, or empty.
  std::string failing_op();
  std::string first_not_finite(const Op& op) const;

  Program program_;
  CudaArena& arena_;
  std::shared_ptr<Context> context_;
  Storage storage_;
  MemoryBudget::Reservation reserved_;
  DeviceMemory memory_;
  PinnedMemory pinned_;              // the run state and outcomes, as wait() reads them
  std::vector<std::byte> pageable_;  // where pinned memory cannot be had
  std::byte* host_ = nullptr;        // one of the two
  Lowered lowered_;
  bool checked_ = false;
  std::optional<StepGraph> graph_;
  std::string graph_refusal_;  // where there is none
  Event started_;
  Event ended_;
  std::vector<StepResult> results_;
  std::int64_t pending_ = 0;  // steps since the last wait
  double device_seconds_ = 0;
};

}  // namespace minnow::cuda
