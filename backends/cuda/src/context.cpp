#include "context.h"

#include <minnow/base/text.h>
#include <minnow/error.h>
#include <minnow/memory_plan.h>

#include <unistd.h>

#include <algorithm>
#include <utility>

#ifdef MINNOW_CUDNN
#include "cudnn_library.h"
#else
namespace minnow::cuda {
class Cudnn {};
}  // namespace minnow::cuda
#endif
#include "device_check.h"
#include "lt.h"
#include "machine/forked.h"

namespace minnow::cuda {
namespace {

constexpr const char* kNameTheOp = "MINNOW_CHECKED=1 runs one operation at a time and names it";

Code code_of(const CallFailure& lost) { return lost.hardware ? Code("MN-K02") : Code("MN-K01"); }

}  // namespace

Context::Context(const PluginOptions& options)
    : options_(options),
      budget_(cat("cuda:", options.ordinal), options.memory_limit),
      process_(getpid()) {
  const Found found = find_device(options);
  info_ = {.name = cat("cuda:", options.ordinal),
           .description = found.description,
           .precision = options.precision,
           .separate_memory = true};
  if (options.precision != Precision::fp32 && found.capability < 80) {
    throw InvalidArgument(
        {.code = "MN-U01",
         .what = cat(info_.name, " cannot compute in ", name_of(options.precision), "."),
         .evidence = cat(found.name, " has compute capability ", found.capability / 10, ".",
                         found.capability % 10, "; ", name_of(options.precision), " needs 8.0"),
         .remedy = "ask for fp32"});
  }
  // cuBLASLt's best algorithms want this much (NVIDIA's advice for its workspace).
  workspace_bytes_ = std::int64_t{found.capability >= 90 ? 32 : 4} << 20;
  // A blocking stream cannot be captured: it waits for the legacy stream.
  guarded("opening the device", [&] {
    check(cudaStreamCreateWithFlags(stream_.out(), cudaStreamNonBlocking),
          "cudaStreamCreateWithFlags");
  });
}

Context::~Context() { make_current(); }

MemoryState Context::memory() const {
  MemoryState state;
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  if (!lost_ && cudaSetDevice(options_.ordinal) == cudaSuccess &&
      cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess) {
    state.total = static_cast<std::int64_t>(total_bytes);
    state.free = static_cast<std::int64_t>(free_bytes);
    state.evidence = "cudaMemGetInfo";
  } else {
    static_cast<void>(cudaGetLastError());
  }
  budget_.complete(state);
  return state;
}

const Lt& Context::lt() {
  if (lt_ == nullptr) {
    auto reserved = budget_.reserve({.workspace = workspace_bytes_}, "the workspace of products");
    lt_ = std::make_unique<Lt>(workspace_bytes_);
    lt_reserved_ = std::move(reserved);
  }
  return *lt_;
}

const Cudnn* Context::cudnn() {
#ifndef MINNOW_CUDNN
  cudnn_refusal_ = "this build was made without cuDNN's headers";
#else
  const std::vector<std::string>& broken = options_.broken_libraries;
  if (std::find(broken.begin(), broken.end(), "cudnn") != broken.end()) {
    cudnn_refusal_ = "minnow-probe found it unusable, and minnow doctor says why";
  } else if (cudnn_ == nullptr && cudnn_refusal_.empty()) {
    try {
      cudnn_ = std::make_unique<Cudnn>(stream());
    } catch (const CallFailure& failure) {
      if (failure.kind == CallFailure::Kind::lost) throw;
      cudnn_refusal_ = cat(failure.call, " -> ", failure.status);
    }
  }
#endif
  return cudnn_.get();
}

std::optional<Failure> Context::health() const {
  if (process_ != getpid()) return machine::forked_failure(process_);
  if (!lost_) return std::nullopt;
  const std::lock_guard lock(lost_mutex_);
  return Failure{.code = lost_code_,
                 .what = cat(info_.name, " stopped working for this process."),
                 .evidence = cat(lost_call_, " -> ", lost_status_),
                 .remedy = "restart the program to use the GPU again"};
}

void Context::require_alive(std::string_view doing) const {
  auto failure = health();
  if (!failure) return;
  if (process_ != getpid()) throw DeviceUnavailable(*std::move(failure));
  failure->what = cat(info_.name, " stopped working for this process before ", doing, ".");
  failure->effect = "nothing was done";
  throw DeviceError(*std::move(failure), lost_call_, lost_status_, true);
}

void Context::fail_memory(const CallFailure& failure, std::string_view doing) const {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  const bool known = cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess;
  if (!known) static_cast<void>(cudaGetLastError());
  const auto free = static_cast<std::int64_t>(free_bytes);
  const auto total = static_cast<std::int64_t>(total_bytes);
  std::string evidence = cat(failure.call, " -> ", failure.status);
  if (failure.bytes > 0) evidence += cat("; needs ", format_bytes(failure.bytes));
  if (known) evidence += cat("; ", format_bytes(free), " of ", format_bytes(total), " free");
  const MemoryPlan held = budget_.held();
  if (held.total() > 0) evidence += cat("; held through this device: ", held.str());
  throw ResourceExhausted({.code = "MN-M02",
                           .what = cat("not enough memory on ", info_.name, " for ", doing, "."),
                           .evidence = std::move(evidence),
                           .remedy = "a smaller batch or model, or the CPU",
                           .effect = "no weight was changed by this; the device can still be used"},
                          failure.bytes, known ? free : -1);
}

void Context::fail(const CallFailure& failure, std::string_view doing) {
  const std::string evidence = cat(failure.call, " -> ", failure.status);
  switch (failure.kind) {
    case CallFailure::Kind::out_of_memory:
      fail_memory(failure, doing);
    case CallFailure::Kind::lost: {
      const std::lock_guard lock(lost_mutex_);
      lost_code_ = code_of(failure);
      lost_call_ = failure.call;
      lost_status_ = failure.status;
      lost_ = true;
    }
      throw DeviceError(
          {.code = code_of(failure),
           .what = cat(info_.name,
                       failure.hardware ? " failed as hardware while "
                                        : " stopped working for this process while ",
                       doing, "."),
           .evidence = evidence,
           .remedy = failure.hardware
                         ? "look at nvidia-smi -q -d ECC,PAGE_RETIREMENT and for Xid in dmesg"
                         : cat("restart the program to use the GPU again; ", kNameTheOp),
           .effect = "what the device held is lost; weights read or saved before are intact"},
          failure.call, failure.status, true);
    case CallFailure::Kind::missing:
      throw DeviceUnavailable(
          {.code = "MN-L02",
           .what = cat("GPU not used: a library that ", doing, " needs cannot be used."),
           .evidence = evidence,
           .remedy = "install cuBLAS of this CUDA version, or put its folder into LD_LIBRARY_PATH",
           .effect = "nothing was run"});
    case CallFailure::Kind::refused:
      break;
  }
  throw DeviceError({.code = "MN-K04",
                     .what = cat(info_.name, " refused a call while ", doing, "."),
                     .evidence = evidence,
                     .remedy = kNameTheOp,
                     .effect = "the device can still be used"},
                    failure.call, failure.status, false);
}

}  // namespace minnow::cuda
