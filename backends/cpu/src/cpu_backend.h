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
  std::optional<Failure> health() const override { return std::nullopt; }
  MemoryPlan plan(const Program& program) const override;
  std::string unsupported(const Program& program, const Op& op) const override;
  std::unique_ptr<Arena> create_arena(const std::vector<ParameterSpec>& parameters,
                                      int state_arenas) override;
  std::int64_t shared_workspace(const Program&) const override { return 0; }
  std::int64_t upload_bytes(DType, std::int64_t, std::int64_t) const override { return 0; }
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
