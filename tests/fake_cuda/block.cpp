// Runs a grid: one block at a time, each thread on a fiber until it ends or has to wait. Threads
// that never wait share one fiber, so that elementwise kernels cost a loop.

#include <algorithm>
#include <exception>
#include <memory>
#include <vector>

#include "device_thread.h"
#include "fiber.h"
#include "kernel_registry.h"
#include "state.h"
#include "stream.h"

uint3 threadIdx{};
uint3 blockIdx{};
dim3 blockDim{};
dim3 gridDim{};

namespace fakecuda {
namespace {

constexpr unsigned kWarp = 32;

enum class Wait { kFresh, kReady, kBarrier, kExchange, kEnded };

struct DeviceThread {
  Wait wait = Wait::kFresh;
  Fiber* fiber = nullptr;
  BlockVote vote = BlockVote::kNone;
  WarpOperation operation = WarpOperation::kSync;
  unsigned mask = 0;
  int source = 0;
  std::uint64_t value = 0;
  std::uint64_t result = 0;
};

void fiber_main();

class Scheduler {
 public:
  void run_block(const BoundKernel& kernel, const std::vector<unsigned>& order);
  // On a fiber: the next thread that has not started, or false.
  bool start_next();
  void run_current();
  std::uint64_t wait(Wait reason);
  void park();
  DeviceThread& current() { return threads_[current_]; }
  unsigned current_index() const { return current_; }
  Fiber& current_fiber() { return *fiber_; }
  std::vector<std::uint64_t> shared;  // dynamic shared memory

 private:
  void select(unsigned index);
  bool resume();
  bool release_warps();
  bool release_barrier();
  void abandon();
  Fiber* idle_fiber();

  std::vector<DeviceThread> threads_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  const std::vector<unsigned>* order_ = nullptr;
  const BoundKernel* kernel_ = nullptr;
  std::size_t started_ = 0;
  unsigned current_ = 0;
  Fiber* fiber_ = nullptr;
  std::exception_ptr error_;
};

// Fibers hold state of the thread that created them, so each host thread has its own.
Scheduler& scheduler() {
  thread_local Scheduler instance;
  return instance;
}

void fiber_main() {
  scheduler().current_fiber().arrive();
  for (;;) {
    while (scheduler().start_next()) scheduler().run_current();
    scheduler().park();
  }
}

void Scheduler::select(unsigned index) {
  current_ = index;
  threadIdx = {index % blockDim.x, index / blockDim.x % blockDim.y,
               index / (blockDim.x * blockDim.y)};
}

bool Scheduler::start_next() {
  if (error_ || started_ == order_->size()) return false;
  select((*order_)[started_++]);
  current().wait = Wait::kReady;
  current().fiber = fiber_;
  return true;
}

void Scheduler::run_current() {
  const unsigned index = current_;
  try {
    (*kernel_)();
  } catch (...) {
    error_ = std::current_exception();
  }
  threads_[index].wait = Wait::kEnded;
}

// The running thread gives way until the scheduler releases it.
std::uint64_t Scheduler::wait(Wait reason) {
  DeviceThread& thread = current();
  thread.wait = reason;
  thread.fiber->yield();
  return thread.result;
}

void Scheduler::park() {
  Fiber* const fiber = fiber_;
  idle_.push_back(fiber);
  fiber->yield();
}

Fiber* Scheduler::idle_fiber() {
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(&fiber_main));
    return fibers_.back().get();
  }
  Fiber* const fiber = idle_.back();
  idle_.pop_back();
  return fiber;
}

// Runs what can run; false when nothing could.
bool Scheduler::resume() {
  bool any = false;
  for (std::size_t i = 0; i < order_->size() && !error_; ++i) {
    const unsigned index = (*order_)[i];
    DeviceThread& thread = threads_[index];
    if (thread.wait == Wait::kFresh) {
      fiber_ = idle_fiber();
    } else if (thread.wait == Wait::kReady) {
      fiber_ = thread.fiber;
      select(index);
    } else {
      continue;
    }
    any = true;
    fiber_->enter();
  }
  return any;
}

bool Scheduler::release_warps() {
  bool any = false;
  for (unsigned first = 0; first < threads_.size(); first += kWarp) {
    const unsigned lanes = std::min(kWarp, static_cast<unsigned>(threads_.size()) - first);
    DeviceThread* const warp = &threads_[first];
    for (unsigned lane = 0; lane < lanes; ++lane) {
      const DeviceThread& leader = warp[lane];
      if (leader.wait != Wait::kExchange) continue;
      bool complete = true;
      unsigned present = 0;
      unsigned ballot = 0;
      for (unsigned other = 0; other < lanes && complete; ++other) {
        if ((leader.mask >> other & 1U) == 0 || warp[other].wait == Wait::kEnded) continue;
        complete = warp[other].wait == Wait::kExchange && warp[other].mask == leader.mask &&
                   warp[other].operation == leader.operation;
        present |= 1U << other;
        if (warp[other].value != 0) ballot |= 1U << other;
      }
      if (!complete) continue;
      for (unsigned other = 0; other < lanes; ++other) {
        if ((present >> other & 1U) == 0) continue;
        DeviceThread& thread = warp[other];
        const auto source = static_cast<unsigned>(thread.source) % kWarp;
        const bool there = (present >> source & 1U) != 0;
        thread.result = thread.operation == WarpOperation::kBallot ? ballot
                        : there                                    ? warp[source].value
                                                                   : ~std::uint64_t{0};
      }
      for (unsigned other = 0; other < lanes; ++other) {
        if ((present >> other & 1U) != 0) warp[other].wait = Wait::kReady;
      }
      any = true;
    }
  }
  return any;
}

bool Scheduler::release_barrier() {
  std::uint64_t count = 0;
  std::uint64_t waiting = 0;
  for (const DeviceThread& thread : threads_) {
    if (thread.wait == Wait::kEnded) continue;
    if (thread.wait != Wait::kBarrier) return false;
    ++waiting;
    if (thread.value != 0) ++count;
  }
  for (DeviceThread& thread : threads_) {
    if (thread.wait != Wait::kBarrier) continue;
    thread.wait = Wait::kReady;
    thread.result = thread.vote == BlockVote::kAnd  ? static_cast<std::uint64_t>(count == waiting)
                    : thread.vote == BlockVote::kOr ? static_cast<std::uint64_t>(count > 0)
                                                    : count;
  }
  return waiting > 0;
}

// After a fault: the stacks of the threads that did not end are used from the start again.
void Scheduler::abandon() {
  idle_.clear();
  for (const auto& fiber : fibers_) {
    fiber->reset();
    idle_.push_back(fiber.get());
  }
}

void Scheduler::run_block(const BoundKernel& kernel, const std::vector<unsigned>& order) {
  threads_.assign(order.size(), {});
  order_ = &order;
  kernel_ = &kernel;
  started_ = 0;
  error_ = nullptr;
  for (;;) {
    bool progress = resume();
    if (error_) {
      abandon();
      std::rethrow_exception(error_);
    }
    progress = release_warps() || progress;
    progress = release_barrier() || progress;
    if (!progress) break;
  }
  const auto stuck =
      std::count_if(threads_.begin(), threads_.end(),
                    [](const DeviceThread& thread) { return thread.wait != Wait::kEnded; });
  if (stuck > 0) {
    abandon();
    throw DeviceFault{cudaErrorLaunchFailure,
                      "divergent barrier: " + std::to_string(stuck) + " of " +
                          std::to_string(threads_.size()) + " threads of block (" +
                          std::to_string(blockIdx.x) + ", " + std::to_string(blockIdx.y) + ", " +
                          std::to_string(blockIdx.z) + ") wait for ever"};
  }
}

}  // namespace

void run_grid(const BoundKernel& kernel, dim3 grid, dim3 block, std::size_t dynamic_shared) {
  Scheduler& runner = scheduler();
  gridDim = grid;
  blockDim = block;
  const bool reverse = state().settings.reverse;
  std::vector<unsigned> order(std::size_t{block.x} * block.y * block.z);
  for (unsigned i = 0; i < order.size(); ++i) {
    order[i] = reverse ? static_cast<unsigned>(order.size()) - 1 - i : i;
  }
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t index = reverse ? blocks - 1 - i : i;
    blockIdx = {static_cast<unsigned>(index % grid.x),
                static_cast<unsigned>(index / grid.x % grid.y),
                static_cast<unsigned>(index / grid.x / grid.y)};
    // A fresh vector each time: a sanitizer sees its bounds, and no block sees another's values.
    runner.shared = std::vector<std::uint64_t>((dynamic_shared + 7) / 8, ~std::uint64_t{0});
    runner.run_block(kernel, order);
  }
}

int barrier(BlockVote vote, int predicate) {
  DeviceThread& thread = scheduler().current();
  thread.vote = vote;
  thread.value = predicate != 0 ? 1 : 0;
  return static_cast<int>(scheduler().wait(Wait::kBarrier));
}

std::uint64_t exchange(WarpOperation operation, unsigned mask, std::uint64_t value, int source) {
  DeviceThread& thread = scheduler().current();
  const auto lane = static_cast<unsigned>(lane_of_thread());
  if ((mask >> lane & 1U) == 0) trap("a warp operation whose mask leaves out the calling lane");
  thread.operation = operation;
  thread.mask = mask;
  thread.value = value;
  thread.source = source;
  return scheduler().wait(Wait::kExchange);
}

int lane_of_thread() { return static_cast<int>(scheduler().current_index() % kWarp); }

void* dynamic_shared() { return scheduler().shared.data(); }

void trap(const char* why) { throw DeviceFault{cudaErrorLaunchFailure, why}; }

}  // namespace fakecuda
