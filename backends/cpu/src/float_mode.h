#pragma once

#include <xmmintrin.h>

namespace minnow::cpu {

/// While it lives, this thread's denormal floats are zero. Adam's moments of a weight whose
/// gradient is exactly zero (a border pixel) decay into denormals, which cost a step six times its
/// time. The thread's own settings come back at the end.
class FlushDenormals {
 public:
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | kFlushToZero | kDenormalsAreZero); }
  ~FlushDenormals() { _mm_setcsr(saved_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  static constexpr unsigned kFlushToZero = 0x8000;
  static constexpr unsigned kDenormalsAreZero = 0x0040;
  unsigned saved_;
};

}  // namespace minnow::cpu
