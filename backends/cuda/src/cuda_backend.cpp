#include "cuda_backend.h"

#include <minnow/base/text.h>

#include <algorithm>
#include <limits>

#include "cuda_arena.h"
#include "cuda_data.h"
#include "cuda_executable.h"
#include "layout.h"
#include "storage.h"

namespace minnow::cuda {

CudaBackend::CudaBackend(const PluginOptions& options)
    : context_(std::make_shared<Context>(options)) {}

MemoryState CudaBackend::memory() const { return context_->memory(); }

std::int64_t CudaBackend::upload_bytes(DType dtype, std::int64_t rows, std::int64_t cols) const {
  return CudaData::plan(dtype, rows, cols).data;
}

MemoryPlan CudaBackend::plan(const Program& program) const {
  const Precision precision = context_->precision();
  MemoryPlan plan = CudaArena::plan(program.parameters(), states_of(program.rule()), precision);
  plan += Storage(program, precision, CudaExecutable::kMaxSteps).plan();
  plan.workspace += shared_workspace(program);
  return plan;
}

// Taken by the first program that needs it.
std::int64_t CudaBackend::shared_workspace(const Program& program) const {
  return needs_product(program) ? context_->workspace_bytes() : 0;
}

std::string CudaBackend::unsupported(const Program& program, const Op& op) const {
  if (op.activation.kind == ActivationKind::custom) {
    return cat("the activation \"", minnow::name_of(op.activation),
               "\" is a function of this program, which only the CPU can run");
  }
  // Rows and columns are ints for the libraries, and groups of 4 elements are counted in 32 bits.
  constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
  const auto too_large = [&](ValueId id) {
    const Value& value = program.value(id);
    return value.rows > kMax || value.cols > kMax || value.rows * padded(value.cols) / 4 > kMax;
  };
  if (std::any_of(op.inputs.begin(), op.inputs.end(), too_large) ||
      std::any_of(op.outputs.begin(), op.outputs.end(), too_large)) {
    return cat("a matrix has more than ", kMax, " rows, columns or groups of 4 numbers");
  }
  return "";
}

std::unique_ptr<Arena> CudaBackend::create_arena(const std::vector<ParameterSpec>& parameters,
                                                 int state_arenas) {
  return std::make_unique<CudaArena>(context_, parameters, state_arenas);
}

std::unique_ptr<DeviceData> CudaBackend::upload(const void* host, DType dtype, std::int64_t rows,
                                                std::int64_t cols) {
  return std::make_unique<CudaData>(context_, host, dtype, rows, cols);
}

std::unique_ptr<Executable> CudaBackend::compile(const Program& program, Arena& arena) {
  return std::make_unique<CudaExecutable>(program, static_cast<CudaArena&>(arena), context_);
}

}  // namespace minnow::cuda
