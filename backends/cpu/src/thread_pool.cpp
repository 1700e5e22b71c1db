#include "thread_pool.h"

#include <immintrin.h>

#include <new>
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

ThreadPool::ThreadPool(int threads)
    : calls_(std::make_unique<Call[]>(static_cast<std::size_t>(threads))) {
  try {
    for (int worker = 1; worker < threads; ++worker) {
      threads_.emplace_back([this, worker] { loop(worker); });
    }
  } catch (const std::system_error&) {
    // No more threads to be had: the pool works with those it has.
  } catch (const std::bad_alloc&) {
    // No memory for one more: the same.
  }
}

ThreadPool::~ThreadPool() {
  stopping_ = true;
  for (int worker = 1; worker < size(); ++worker) call(worker);
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::call(int worker) noexcept {
  auto& generation = calls_[static_cast<std::size_t>(worker)].generation;
  generation.fetch_add(1, std::memory_order_release);
  generation.notify_one();
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
  running_.store(workers - 1, std::memory_order_relaxed);
  for (int worker = 1; worker < workers; ++worker) call(worker);
  {
    const FlushDenormals flush;
    work.run(0, workers, &barrier);
  }
  spin_until([&] { return running_.load(std::memory_order_acquire) == 0; });
}

void ThreadPool::loop(int worker) noexcept {
  const FlushDenormals flush;
  auto& generation = calls_[static_cast<std::size_t>(worker)].generation;
  std::uint32_t seen = 0;
  while (true) {
    int spins = 0;
    while (generation.load(std::memory_order_acquire) == seen && spins < kSpinsBeforeSleep) {
      _mm_pause();
      ++spins;
    }
    generation.wait(seen, std::memory_order_acquire);
    // The caller waits for its workers before it calls again: no generation is ever missed.
    ++seen;
    if (stopping_) return;
    work_->run(worker, workers_, barrier_);
    running_.fetch_sub(1, std::memory_order_acq_rel);
  }
}

}  // namespace minnow::cpu
