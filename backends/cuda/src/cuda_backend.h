#pragma once

#include <minnow/backend.h>

#include <memory>

#include "context.h"

namespace minnow::cuda {

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(const PluginOptions& options);

  const DeviceInfo& info() const override { return context_->info(); }
  MemoryState memory() const override;
  MemoryPlan peak_memory() const override { return context_->budget().peak(); }
  std::optional<Failure> health() const override { return context_->health(); }
  MemoryPlan plan(const Program& program) const override;
  std::string unsupported(const Program& program, const Op& op) const override;
  std::unique_ptr<Arena> create_arena(const std::vector<ParameterSpec>& parameters,
                                      int state_arenas) override;
  std::int64_t shared_workspace(const Program& program) const override;
  std::int64_t upload_bytes(DType dtype, std::int64_t rows, std::int64_t cols) const override;
  std::unique_ptr<DeviceData> upload(const void* host, DType dtype, std::int64_t rows,
                                     std::int64_t cols) override;
  std::unique_ptr<Executable> compile(const Program& program, Arena& arena) override;

 private:
  std::shared_ptr<Context> context_;
};

}  // namespace minnow::cuda
