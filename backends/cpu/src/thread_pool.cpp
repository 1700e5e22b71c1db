#include "thread_pool.h"

#include <immintrin.h>

#include <system_error>

#include "float_mode.h"

namespace minnow::cpu {
namespace {

constexpr int kSpinsBeforeYield = 4000;   // some 50 us
constexpr int kSpinsBeforeSleep = 20000;  // some 250 us

template <class Condition>
void spin_until(Condition condition) noexcept {
  for (int spins = 0; !condition(); ++spins) {
    if (spins < kSpinsBeforeYield) {
      _mm_pause();
    } else {
      std::this_thread::yield();
    }
  }
}

}  // namespace

void Barrier::arrive_and_wait() noexcept {
  const std::uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    return;
  }
  spin_until([&] { return phase_.load(std::memory_order_acquire) != phase; });
}

ThreadPool::ThreadPool(int threads) {
  try {
    for (int worker = 1; worker < threads; ++worker) {
      threads_.emplace_back([this, worker] { loop(worker); });
    }
  } catch (const std::system_error&) {
    // No more threads to be had: the pool works with those it has.
  }
}

ThreadPool::~ThreadPool() {
  stopping_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(int workers, Work& work) {
  if (workers <= 1) {
    const FlushDenormals flush;
    work.run(0, 1, nullptr);
    return;
  }
  const std::scoped_lock turn(turn_);
  Barrier barrier(workers);
  work_ = &work;
  workers_ = workers;
  barrier_ = &barrier;
  running_.store(size() - 1, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  {
    const FlushDenormals flush;
    work.run(0, workers, &barrier);
  }
  spin_until([&] { return running_.load(std::memory_order_acquire) == 0; });
}

void ThreadPool::loop(int worker) noexcept {
  const FlushDenormals flush;
  std::uint32_t seen = 0;
  while (true) {
    int spins = 0;
    while (generation_.load(std::memory_order_acquire) == seen && spins < kSpinsBeforeSleep) {
      _mm_pause();
      ++spins;
    }
    generation_.wait(seen, std::memory_order_acquire);
    // The caller waits for all workers before the next generation: none is ever missed.
    ++seen;
    if (stopping_) return;
    if (worker < workers_) work_->run(worker, workers_, barrier_);
    running_.fetch_sub(1, std::memory_order_acq_rel);
  }
}

}  // namespace minnow::cpu
