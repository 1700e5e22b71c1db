#pragma once

#include <minnow/backend.h>
#include <minnow/random.h>

#include <memory>
#include <span>
#include <vector>

#include "cpu_arena.h"
#include "kernels/kernel_table.h"
#include "layout.h"
#include "update.h"

namespace minnow::cpu {

struct CpuData final : DeviceData {
  CpuData(const void* host, DType type, std::int64_t columns)
      : data(host), dtype(type), cols(columns) {}
  void assign(const void* host) override { data = host; }

  const void* data;
  DType dtype;
  std::int64_t cols;
};

/// What tasks of one executable share from step to step. Worker 0 writes, between barriers.
struct StepState {
  Feed feed;
  Permutation permutation{1, 0, 0};  // of the feed, when it shuffles
  StepResult result;
  std::span<float> row_loss;
  std::span<std::int32_t> row_correct;
  bool loss_finite = true;
  std::vector<std::uint8_t> updated;  // by worker: the step's update was done
};

/// A piece of a step; every worker calls run() and does its share. The shares never change what is
/// computed, only who computes it.
class Task {
 public:
  virtual ~Task() = default;
  virtual void run(int worker, int workers) noexcept = 0;
};

class Bf16Products;

/// A value in memory: `stride` floats from row to row.
struct Matrix {
  float* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;
};

/// Everything that making a task needs.
struct TaskContext {
  const Program& program;
  const KernelTable& kernels;
  CpuArena& arena;
  StepState& state;
  const std::vector<Matrix>& matrices;  // by ValueId
  float* scratch;                       // scratch_floats() for each worker, one after another
  std::int64_t scratch_floats;
  Update* update = nullptr;      // of a training step
  Bf16Products* bf16 = nullptr;  // null: all products are in fp32

  const Matrix& matrix(ValueId id) const { return matrices[static_cast<std::size_t>(id)]; }
};

/// Floats of scratch memory that an op needs per worker.
std::int64_t scratch_floats(const Program& program, const Op& op);

/// The weight of a product, as it lies in memory.
Panels panels_of(const Program& program, const Op& op);

/// Whether an op is a product that goes through Eigen and not through the tiles.
bool runs_on_eigen(const Program& program, const Op& op);

/// The tasks that an op becomes, in order; each needs the one before it to be complete.
std::vector<std::unique_ptr<Task>> make_tasks(const TaskContext& context, const Op& op);

}  // namespace minnow::cpu
