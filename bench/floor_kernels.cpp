// Compiled once per instruction set: no std template may get in, see backends/CMakeLists.txt.

#include "floor_kernels.h"

#define MINNOW_JOIN_(a, b) a##b
#define MINNOW_JOIN(a, b) MINNOW_JOIN_(a, b)
#define MINNOW_TEXT_(a) #a
#define MINNOW_TEXT(a) MINNOW_TEXT_(a)

namespace minnow::bench {
namespace {

typedef float Vector __attribute__((vector_size(MINNOW_VECTOR_BYTES)));

// Two units with a latency of six cycles, SSE2's pair, are kept busy by 12 chains; 14 and the
// factor and the summand fill its 16 registers.
constexpr std::int64_t kChains = 14;
constexpr std::int64_t kLanes = MINNOW_VECTOR_BYTES / 4;

float multiply_adds(std::int64_t rounds) {
  // The compiler must not know the values: it would compute with them, and equal chains once.
  Vector factor = Vector{} + 0.999F;
  Vector summand = Vector{} + 0.001F;
  asm volatile("" : "+x"(factor), "+x"(summand));
  Vector chains[kChains] = {};
  for (Vector& chain : chains) asm volatile("" : "+x"(chain));
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (Vector& chain : chains) chain = chain * factor + summand;
  }
  Vector sum{};
  for (const Vector& chain : chains) sum += chain;
  return sum[0];
}

void stream(const AdamSlice& slice) {
  float* __restrict p = slice.p;
  const float* __restrict g = slice.g;
  float* __restrict m = slice.m;
  float* __restrict v = slice.v;
  for (std::int64_t i = 0; i < slice.count; ++i) {
    m[i] += (g[i] - m[i]) * 0.1F;
    v[i] += (g[i] * g[i] - v[i]) * 1e-3F;
    p[i] -= 1e-6F * m[i];
  }
}

void adam(const AdamSlice& slice) {
  float* __restrict p = slice.p;
  const float* __restrict g = slice.g;
  float* __restrict m = slice.m;
  float* __restrict v = slice.v;
  for (std::int64_t i = 0; i < slice.count; ++i) {
    m[i] += (g[i] - m[i]) * 0.1F;
    v[i] += (g[i] * g[i] - v[i]) * 1e-3F;
    p[i] -= 1e-6F * m[i] / (__builtin_sqrtf(v[i]) + 1e-7F);
  }
}

constexpr FloorKernels kKernels{.isa = "x86-64-" MINNOW_TEXT(MINNOW_ISA),
                                .flop = 2 * kChains * kLanes,
                                .multiply_adds = multiply_adds,
                                .stream = stream,
                                .adam = adam};

}  // namespace

extern "C" const FloorKernels* MINNOW_JOIN(minnow_floor_kernels_, MINNOW_ISA)() {
  return &kKernels;
}

}  // namespace minnow::bench
