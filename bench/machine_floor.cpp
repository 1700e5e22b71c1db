// What this machine can do at most: multiply-adds in registers, and Adam's pass over its arrays.
//
//     build/bin/minnow_floor THREADS SECONDS PARAMETERS     # one line of JSON; see bench/floor
//
// "gflops" of float32 multiply-adds in independent chains; for arrays of PARAMETERS numbers, shared
// out to the threads, in ns per parameter: "stream_ns" reads P, G, M, V and writes P, M, V (28
// bytes) with cheap arithmetic, "adam_ns" is the update itself, IEEE square root and quotient. Each
// is repeated in windows of a millisecond or a pass for SECONDS: "best" is that of the fastest
// window, which nobody disturbed, "median" tells how far the clock or other processes moved it. The
// instruction set is the one that minnow takes here (MINNOW_CPU_ISA); threads are pinned.

#include <minnow/minnow.h>

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "floor_kernels.h"

namespace minnow::bench {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr int kFewestWindows = 3;

/// That of the instruction set which the library chose.
const FloorKernels& select_kernels() {
  const std::string chosen = open("cpu", {.threads = 1}).info().description;
  for (const auto kernels :
       {minnow_floor_kernels_v1, minnow_floor_kernels_v3, minnow_floor_kernels_v4}) {
    if (chosen.starts_with(kernels()->isa)) return *kernels();
  }
  std::fprintf(stderr, "minnow_floor: no kernels for \"%s\"\n", chosen.c_str());
  std::exit(70);
}

std::vector<int> usable_cpus() {
  std::vector<int> cpus;
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) cpus.push_back(cpu);
  }
  return cpus;
}

void pin_to(int cpu) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(cpu, &mask);
  pthread_setaffinity_np(pthread_self(), sizeof mask, &mask);
}

struct Windows {
  double best;
  double median;
  std::size_t count;
};

/// Seconds per window of `work`, which every thread does its part of; a window takes as long as its
/// slowest thread. One before the first warms up.
Windows time_windows(const std::vector<int>& cpus, double seconds,
                     const std::function<void(std::size_t)>& work) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> took(cpus.size());
  std::vector<double> windows;
  std::atomic<bool> over = false;
  std::barrier everybody(static_cast<std::ptrdiff_t>(cpus.size()));
  const auto run = [&](std::size_t worker) {
    pin_to(cpus[worker]);
    work(worker);
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    while (!over) {
      everybody.arrive_and_wait();
      const auto start = Clock::now();
      work(worker);
      took[worker] = std::chrono::duration<double>(Clock::now() - start).count();
      everybody.arrive_and_wait();
      if (worker == 0) {
        windows.push_back(*std::ranges::max_element(took));
        over = windows.size() >= kFewestWindows && Clock::now() >= end;
      }
      everybody.arrive_and_wait();
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t worker = 1; worker < cpus.size(); ++worker) others.emplace_back(run, worker);
  run(0);
  others.clear();
  std::ranges::sort(windows);
  return {windows.front(), windows[windows.size() / 2], windows.size()};
}

/// P, G, M and V in huge pages where the machine has them. They start at different offsets in a
/// page: stores would otherwise hold up loads of the same offset.
class AdamArrays {
 public:
  explicit AdamArrays(std::int64_t count)
      : count_(count),
        stride_((static_cast<std::size_t>(count) + 1023) / 1024 * 1024 + 272),
        bytes_((4 * stride_ * sizeof(float) + kHugePage - 1) / kHugePage * kHugePage),
        values_(static_cast<float*>(std::aligned_alloc(kHugePage, bytes_)), std::free) {
    if (values_ == nullptr) {
      std::fprintf(stderr, "minnow_floor: no %zu bytes for Adam's arrays\n", bytes_);
      std::exit(75);
    }
    madvise(values_.get(), bytes_, MADV_HUGEPAGE);
    std::fill_n(values_.get(), 4 * stride_, 0.01F);
  }

  /// In cache lines of 16 numbers.
  AdamSlice slice(std::size_t worker, std::size_t workers) const {
    const std::int64_t lines = (count_ + 15) / 16;
    const auto cut = [&](std::size_t at) {
      const auto share = lines * static_cast<std::int64_t>(at) / static_cast<std::int64_t>(workers);
      return std::min(16 * share, count_);
    };
    float* first = values_.get() + cut(worker);
    return {.p = first,
            .g = first + stride_,
            .m = first + 2 * stride_,
            .v = first + 3 * stride_,
            .count = cut(worker + 1) - cut(worker)};
  }

 private:
  std::int64_t count_;
  std::size_t stride_;
  std::size_t bytes_;
  std::unique_ptr<float, decltype(&std::free)> values_;
};

Windows time_passes(const std::vector<int>& cpus, double seconds, const AdamArrays& arrays,
                    std::int64_t passes, void (*kernel)(const AdamSlice&)) {
  return time_windows(cpus, seconds, [&](std::size_t worker) {
    const AdamSlice slice = arrays.slice(worker, cpus.size());
    for (std::int64_t pass = 0; pass < passes; ++pass) kernel(slice);
  });
}

void report(std::size_t threads, double seconds, std::int64_t parameters) {
  std::vector<int> cpus = usable_cpus();
  if (cpus.size() < threads) {
    std::fprintf(stderr, "minnow_floor: %zu threads, but this process may use %zu processors\n",
                 threads, cpus.size());
    std::exit(69);
  }
  cpus.resize(threads);
  const FloorKernels& kernels = select_kernels();
  const std::int64_t rounds = 8'000'000 / kernels.flop * 16;
  std::vector<float> sums(threads);
  const Windows peak = time_windows(
      cpus, seconds, [&](std::size_t worker) { sums[worker] = kernels.multiply_adds(rounds); });
  const double gflop =
      1e-9 * static_cast<double>(rounds * kernels.flop) * static_cast<double>(threads);
  const AdamArrays arrays(parameters);
  // As many as take a millisecond and more.
  const std::int64_t passes = std::max<std::int64_t>(1, 4'000'000 / parameters);
  const double ns = 1e9 / static_cast<double>(passes * parameters);
  const Windows stream = time_passes(cpus, seconds, arrays, passes, kernels.stream);
  const Windows adam = time_passes(cpus, seconds, arrays, passes, kernels.adam);
  std::printf(
      R"({"isa": "%s", "threads": %zu, "gflops": {"best": %.1f, "median": %.1f, "windows": %zu}, )"
      R"("parameters": %lld, "stream_ns": {"best": %.4f, "median": %.4f, "windows": %zu}, )"
      R"("adam_ns": {"best": %.4f, "median": %.4f, "windows": %zu}})"
      "\n",
      kernels.isa, threads, gflop / peak.best, gflop / peak.median, peak.count,
      static_cast<long long>(parameters), ns * stream.best, ns * stream.median, stream.count,
      ns * adam.best, ns * adam.median, adam.count);
}

}  // namespace
}  // namespace minnow::bench

int main(int argc, char** argv) {
  const long threads = argc == 4 ? std::strtol(argv[1], nullptr, 10) : 0;
  const double seconds = argc == 4 ? std::strtod(argv[2], nullptr) : 0;
  const long parameters = argc == 4 ? std::strtol(argv[3], nullptr, 10) : 0;
  if (threads < 1 || !(seconds > 0) || parameters < 1) {
    std::fprintf(stderr, "Usage: minnow_floor THREADS SECONDS PARAMETERS\n");
    return 64;
  }
  try {
    minnow::bench::report(static_cast<std::size_t>(threads), seconds, parameters);
  } catch (const minnow::Error& error) {
    std::fprintf(stderr, "minnow_floor: %s\n", error.what());
    return 69;
  }
  return 0;
}
