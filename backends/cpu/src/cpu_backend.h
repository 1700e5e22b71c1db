#pragma once

#include <minnow/backend.h>
#include <minnow/memory_budget.h>

#include <memory>

#include "host_cpu.h"
#include "onednn_plugin.h"
#include "thread_pool.h"

namespace minnow::cpu {

class CpuBackend final : public Backend {
 public:
  /// `threads` 0: as many as the process may use; `memory_limit` in bytes, 0: none.
  /// `onednn`: products then have bf16 factors.
  explicit CpuBackend(int threads, std::int64_t memory_limit = 0,
                      const OnednnPlugin* onednn = nullptr);

  const DeviceInfo& info() const override { return info_; }
  MemoryState memory() const override;
  MemoryPlan peak_memory() const override { return budget_.peak(); }
  MemoryPlan plan(const Program& program) const override;
  std::unique_ptr<Arena> create_arena(const std::vector<ParameterSpec>& parameters,
                                      int state_arenas) override;
  std::unique_ptr<DeviceData> upload(const void* host, DType dtype, std::int64_t rows,
                                     std::int64_t cols) override;
  std::unique_ptr<Executable> compile(const Program& program, Arena& arena) override;

 private:
  const KernelTable& kernels_;
  const OnednnPlugin* onednn_;
  std::shared_ptr<ThreadPool> pool_;
  DeviceInfo info_;
  MemoryBudget budget_;
};

}  // namespace minnow::cpu
