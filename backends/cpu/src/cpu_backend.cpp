#include "cpu_backend.h"

#include <minnow/base/host_memory.h>
#include <minnow/base/text.h>

#include <string>
#include <utility>

#include "cpu_executable.h"

namespace minnow::cpu {
namespace {

std::string note(int threads) {
  const int processors = usable_processors();
  return threads <= processors ? ""
                               : cat(", more than the ", processors,
                                     processors == 1 ? " usable processor" : " usable processors");
}

}  // namespace

CpuBackend::CpuBackend(int threads, std::int64_t memory_limit, const OnednnPlugin* onednn)
    : kernels_(select_kernels()),
      onednn_(onednn),
      pool_(std::make_shared<ThreadPool>(threads > 0 ? threads : usable_processors())),
      info_{.name = "cpu",
            .description = cat(kernels_.isa, ", ", pool_->size(),
                               pool_->size() == 1 ? " thread" : " threads", note(pool_->size())),
            .precision = onednn == nullptr ? Precision::fp32 : Precision::bf16},
      budget_("cpu", memory_limit) {}

MemoryState CpuBackend::memory() const {
  MemoryState state;
  HostMemory host = host_memory();
  state.total = host.total;
  state.free = host.free;
  state.evidence = std::move(host.evidence);
  budget_.complete(state);
  return state;
}

MemoryPlan CpuBackend::plan(const Program& program) const {
  MemoryPlan plan =
      CpuExecutable::plan(program, worthwhile_workers(program, pool_->size()), onednn_);
  plan += CpuArena::plan(program.parameters(), states_of(program.rule()));
  return plan;
}

std::unique_ptr<Arena> CpuBackend::create_arena(const std::vector<ParameterSpec>& parameters,
                                                int state_arenas) {
  auto reserved = budget_.reserve(CpuArena::plan(parameters, state_arenas), CpuArena::kWhat);
  return std::make_unique<CpuArena>(parameters, state_arenas, std::move(reserved));
}

std::unique_ptr<DeviceData> CpuBackend::upload(const void* host, DType dtype, std::int64_t,
                                               std::int64_t cols) {
  return std::make_unique<CpuData>(host, dtype, cols);
}

std::unique_ptr<Executable> CpuBackend::compile(const Program& program, Arena& arena) {
  const int workers = worthwhile_workers(program, pool_->size());
  auto reserved = budget_.reserve(CpuExecutable::plan(program, workers, onednn_),
                                  cat("a program of ", program.batch(), " rows"));
  return std::make_unique<CpuExecutable>(program, static_cast<CpuArena&>(arena), kernels_, pool_,
                                         onednn_, std::move(reserved));
}

}  // namespace minnow::cpu
