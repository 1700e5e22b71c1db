#pragma once

/// What is seen while bench measures: a line that is written over on a terminal, else a line for
/// each setting. All on standard error.

#include <cstdint>
#include <string>

#include "bench/plan.h"
#include "terminal/stopwatch.h"
#include "terminal/terminal.h"

namespace minnow::command {

class BenchProgress {
 public:
  BenchProgress(Terminal& terminal, std::int64_t settings, std::int64_t rounds);
  /// A line that is written over goes.
  ~BenchProgress() { clear(); }
  BenchProgress(const BenchProgress&) = delete;
  BenchProgress& operator=(const BenchProgress&) = delete;

  /// "first use of cuda"
  void stage(const std::string& name);
  void begin(const Setting& setting);
  void round(std::int64_t round);
  void end();
  /// Before anything else is written: both streams may be one terminal.
  void clear();

 private:
  void show(const std::string& text, double done);

  Terminal& terminal_;
  bool bar_;
  bool shown_ = false;
  std::int64_t settings_;
  std::int64_t rounds_;
  std::int64_t ended_ = 0;
  std::string name_;
  Stopwatch watch_;
};

}  // namespace minnow::command
