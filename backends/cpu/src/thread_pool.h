#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace minnow::cpu {

/// Threads meet here: each leaves when all have arrived. Spins, then yields to a busy neighbour.
class Barrier {
 public:
  explicit Barrier(int parties) : parties_(parties) {}
  void arrive_and_wait() noexcept;

 private:
  const int parties_;
  std::atomic<int> arrived_{0};
  std::atomic<std::uint32_t> phase_{0};
};

/// The backend's threads. The caller is worker 0; the others spin for a moment after their last
/// work, then sleep. Callers from several threads take turns.
class ThreadPool {
 public:
  /// At most `threads` workers, the caller included; fewer when the system grants fewer.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const noexcept { return static_cast<int>(threads_.size()) + 1; }

  class Work {
   public:
    virtual void run(int worker, int workers, Barrier* barrier) noexcept = 0;

   protected:
    ~Work() = default;
  };
  /// Runs work on workers 0..workers-1 at once and returns when all are done.
  void run(int workers, Work& work);

 private:
  /// Each thread waits on a generation of its own: those that a run does not need sleep on.
  struct alignas(64) Call {
    std::atomic<std::uint32_t> generation{0};
  };
  void call(int worker) noexcept;
  void loop(int worker) noexcept;

  std::mutex turn_;
  std::unique_ptr<Call[]> calls_;  // by worker
  std::vector<std::thread> threads_;
  std::atomic<int> running_{0};
  Work* work_ = nullptr;
  int workers_ = 0;
  Barrier* barrier_ = nullptr;
  std::atomic<bool> stopping_{false};
};

}  // namespace minnow::cpu
