#pragma once

#include <minnow/backend.h>

#include <memory>
#include <utility>

#include "context.h"
#include "layout.h"

namespace minnow::cuda {

/// A data set on the device, in its own type.
class CudaData final : public DeviceData {
 public:
  CudaData(std::shared_ptr<Context> context, const void* host, DType dtype, std::int64_t rows,
           std::int64_t cols)
      : context_(std::move(context)) {
    context_->guarded("the data set", [&] {
      auto reserved = context_->budget().reserve(plan(dtype, rows, cols), "the data set");
      memory_ = DeviceMemory(rows * cols * size_of(dtype));
      reserved_ = std::move(reserved);
      copy(host);
    });
  }

  ~CudaData() override { context_->make_current(); }

  /// What this class would allocate.
  static MemoryPlan plan(DType dtype, std::int64_t rows, std::int64_t cols) {
    return {.data = device_bytes(rows * cols * size_of(dtype))};
  }

  void assign(const void* host) override {
    context_->guarded("copying a batch", [&] { copy(host); });
  }
  const void* data() const noexcept { return memory_.as<void>(); }

 private:
  // In the stream's order: what was launched before reads the old content.
  void copy(const void* host) {
    if (memory_.bytes() == 0) return;
    check(cudaMemcpyAsync(memory_.as<void>(), host, static_cast<std::size_t>(memory_.bytes()),
                          cudaMemcpyHostToDevice, context_->stream()),
          "cudaMemcpyAsync");
  }

  std::shared_ptr<Context> context_;
  MemoryBudget::Reservation reserved_;
  DeviceMemory memory_;
};

}  // namespace minnow::cuda
