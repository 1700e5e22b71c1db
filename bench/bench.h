#pragma once

// What the benchmarks of steps and of ops share.

#include <benchmark/benchmark.h>
#include <minnow/minnow.h>
#include <minnow/random.h>

#include <functional>
#include <string>

namespace minnow::bench {

/// Opens the device when the first benchmark needs it: a filter for one precision opens one.
using Opener = std::function<Device()>;

inline Tensor random_rows(std::int64_t rows, std::int64_t cols) {
  Tensor x({rows, cols});
  const auto values = x.mutable_data<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = to_unit_float(random_words(1, 0, i).word[0]);
  }
  return x;
}

inline Tensor random_labels(std::int64_t rows, std::int64_t classes) {
  Tensor y({rows}, DType::i32);
  const auto labels = y.mutable_data<std::int32_t>();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<std::int32_t>(random_words(1, 1, i).word[0] %
                                          static_cast<std::uint32_t>(classes));
  }
  return y;
}

/// A benchmark in microseconds. What minnow throws is its result, and the others go on.
template <class Run>
::benchmark::internal::Benchmark* add(const std::string& name, Run run) {
  const auto guarded = [run](::benchmark::State& state) {
    try {
      run(state);
    } catch (const Error& error) {
      state.SkipWithError(error.cause().c_str());
    }
  };
  return ::benchmark::RegisterBenchmark(name.c_str(), guarded)->Unit(::benchmark::kMicrosecond);
}

/// op/<kind>/<rows>x<inputs>x<outputs>/<device>
void register_ops(const Opener& open, const std::string& device);

}  // namespace minnow::bench
