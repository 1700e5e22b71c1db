#pragma once

#include <minnow/backend.h>

#include <memory>

#include "host_cpu.h"
#include "thread_pool.h"

namespace minnow::cpu {

class CpuBackend final : public Backend {
 public:
  /// `threads` 0: as many as the process may use.
  explicit CpuBackend(int threads);

  const DeviceInfo& info() const override { return info_; }
  MemoryPlan plan(const Program& program) const override;
  std::string unsupported(const Program& program, const Op& op) const override;
  std::unique_ptr<Arena> create_arena(const std::vector<ParameterSpec>& parameters,
                                      int state_arenas) override;
  std::unique_ptr<DeviceData> upload(const void* host, DType dtype, std::int64_t rows,
                                     std::int64_t cols) override;
  std::unique_ptr<Executable> compile(const Program& program, Arena& arena) override;

 private:
  const KernelTable& kernels_;
  std::shared_ptr<ThreadPool> pool_;
  DeviceInfo info_;
};

}  // namespace minnow::cpu
