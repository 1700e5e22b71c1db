#pragma once

#include <minnow/memory_budget.h>
#include <minnow/plugin.h>

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "call.h"

namespace minnow::cuda {

class Lt;
class Cudnn;

/// One GPU as this process uses it: a stream, the libraries, and whether it still works. Shared by
/// everything that lives on it, from any thread; what threads launch meets on the one stream.
class Context {
 public:
  /// @throws DeviceUnavailable, InvalidArgument for a precision that the GPU has not.
  explicit Context(const PluginOptions& options);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Runs `work` with this GPU as the thread's current one; "doing" goes into the message when a
  /// call fails. @throws ResourceExhausted, DeviceError, DeviceUnavailable.
  template <class Work>
  auto guarded(std::string_view doing, Work&& work) -> decltype(work()) {
    require_alive(doing);
    try {
      check(cudaSetDevice(options_.ordinal), "cudaSetDevice");
      return std::forward<Work>(work)();
    } catch (const CallFailure& failure) {
      fail(failure, doing);
    }
  }
  [[noreturn]] void fail(const CallFailure& failure, std::string_view doing);
  /// Before what lives on this GPU is destroyed: the thread's current GPU may be another one, and
  /// CUDA would start on that.
  void make_current() const noexcept { static_cast<void>(cudaSetDevice(options_.ordinal)); }

  const DeviceInfo& info() const noexcept { return info_; }
  MemoryBudget& budget() noexcept { return budget_; }
  MemoryState memory() const;
  /// Why the GPU cannot be used any more in this process.
  std::optional<Failure> health() const;
  Precision precision() const noexcept { return options_.precision; }
  bool tune() const noexcept { return options_.tune; }
  cudaStream_t stream() const noexcept { return stream_.get(); }
  /// Bytes that a product may use beside its operands; one piece for all programs.
  std::int64_t workspace_bytes() const noexcept { return workspace_bytes_; }

  /// To be held while a program is compiled: the libraries are opened then, and none may ask
  /// cuBLASLt's heuristic while another one captures.
  std::unique_lock<std::mutex> compiling() { return std::unique_lock(compiling_); }

  /// Loaded when a program needs it. @throws CallFailure.
  const Lt& lt();
  /// Null when it is not there or not whole; cudnn_refusal() says why.
  const Cudnn* cudnn();
  const std::string& cudnn_refusal() const noexcept { return cudnn_refusal_; }

  void synchronize() { check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize"); }

 private:
  void require_alive(std::string_view doing) const;
  [[noreturn]] void fail_memory(const CallFailure& failure, std::string_view doing) const;

  PluginOptions options_;
  DeviceInfo info_;
  MemoryBudget budget_;
  std::int64_t workspace_bytes_ = 0;
  Stream stream_;
  MemoryBudget::Reservation lt_reserved_;
  std::unique_ptr<Lt> lt_;
  std::unique_ptr<Cudnn> cudnn_;
  std::string cudnn_refusal_;
  std::mutex compiling_;
  mutable std::mutex lost_mutex_;
  pid_t process_;  // that started CUDA: a fork of it cannot use it
  std::atomic<bool> lost_ = false;
  Code lost_code_;           // of the error that told it
  std::string lost_status_;  // of the call that lost it
  std::string lost_call_;
};

}  // namespace minnow::cuda
