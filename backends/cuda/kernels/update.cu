// The end of a training step: the verdict on its gradients and on what the update would make of
// them, the outcome, and the update. Two kernels for each rule of the table.

#include <tuple>
#include <type_traits>
#include <variant>

#include "device.cuh"

namespace minnow::cuda {
namespace {

constexpr unsigned kInfinity = 0x7F800000U;

/// Of its absolute value; they order as the numbers do, with infinities and then NaNs last.
__device__ inline unsigned bits_of_size(float value) {
  return __float_as_uint(value) & 0x7FFFFFFFU;
}
__device__ inline unsigned larger(unsigned a, unsigned b) { return a < b ? b : a; }
__device__ inline unsigned largest_of(float4 v) {
  return larger(larger(bits_of_size(v.x), bits_of_size(v.y)),
                larger(bits_of_size(v.z), bits_of_size(v.w)));
}

template <class Rule>
__device__ inline typename Rule::Step constants_of(const UpdateState& state, int part) {
  typename Rule::Step step;
  memcpy(&step, state.constants[part], sizeof step);
  return step;
}

/// Four numbers of the arena.
struct Numbers {
  float4 p;
  float4 states[2];
};

template <class Rule>
__device__ inline Numbers updated(const Update& job, std::int64_t group) {
  const auto step = constants_of<Rule>(*job.state, 4 * group < job.weights ? 0 : 1);
  const auto at = [&](const float* part) {
    return part == nullptr ? float4{} : reinterpret_cast<const float4*>(part)[group];
  };
  Numbers made{at(job.p), {at(job.states[0]), at(job.states[1])}};
  const float4 g = at(job.g);
  Rule::apply(step, g.x, made.p.x, made.states[0].x, made.states[1].x);
  Rule::apply(step, g.y, made.p.y, made.states[0].y, made.states[1].y);
  Rule::apply(step, g.z, made.p.z, made.states[0].z, made.states[1].z);
  Rule::apply(step, g.w, made.p.w, made.states[0].w, made.states[1].w);
  return made;
}

enum class Verdict : std::uint8_t { refused, applies, unknown };

/// By one thread, from the largest gradient and from bounds on the numbers of the arena.
template <class Rule>
__device__ inline Verdict judge(const StepEnd& end, const Update& job) {
  const unsigned bits = atomicExch(&end.state->largest_gradient, 0U);
  const bool finite =
      bits < kInfinity && (end.loss == nullptr || bits_of_size(*end.loss) < kInfinity);
  if (!finite || end.state->failed != 0) return Verdict::refused;
  Magnitudes all{};
  for (int part = 0; part < 2; ++part) {
    if (part == 0 ? job.weights == 0 : job.weights == job.count) continue;
    Magnitudes size = job.state->largest;
    const auto step = constants_of<Rule>(*job.state, part);
    if (!Rule::bound(step, static_cast<double>(__uint_as_float(bits)), size)) {
      return Verdict::unknown;
    }
    all.parameter = minnow::larger(all.parameter, size.parameter);
    for (int i = 0; i < 2; ++i) all.state[i] = minnow::larger(all.state[i], size.state[i]);
  }
  job.state->largest = all;
  return Verdict::applies;
}

/// By all threads of one block: whether all numbers stay finite. The bounds are exact then.
template <class Rule>
__device__ inline bool stays_finite(const Update& job) {
  __shared__ unsigned largest[3];
  if (threadIdx.x < 3) largest[threadIdx.x] = 0;
  __syncthreads();
  unsigned sizes[3] = {};
  for (std::int64_t group = threadIdx.x; group < job.count / 4; group += blockDim.x) {
    const Numbers made = updated<Rule>(job, group);
    sizes[0] = larger(sizes[0], largest_of(made.p));
    for (int i = 0; i < 2; ++i) sizes[1 + i] = larger(sizes[1 + i], largest_of(made.states[i]));
  }
  for (int i = 0; i < 3; ++i) atomicMax(&largest[i], sizes[i]);
  __syncthreads();
  const bool finite = larger(larger(largest[0], largest[1]), largest[2]) < kInfinity;
  if (finite && threadIdx.x == 0) {
    job.state->largest = {static_cast<double>(__uint_as_float(largest[0])),
                          {static_cast<double>(__uint_as_float(largest[1])),
                           static_cast<double>(__uint_as_float(largest[2]))}};
  }
  return finite;
}

}  // namespace

constexpr int kUpdateThreads = 256;

template <class Rule>
__global__ void __launch_bounds__(kUpdateThreads) begin_update(StepEnd end, Rule rule, Update job) {
  static_assert(sizeof(typename Rule::Step) <= kStepBytes);
  // Powers take a thread long: it starts while the others read.
  if (blockIdx.x == 0 && threadIdx.x < 2) {
    const typename Rule::Step step = rule.prepare(job.state->learning_rate, job.state->steps + 1,
                                                  decays(rule, threadIdx.x == 0 ? 2 : 1));
    memcpy(job.state->constants[threadIdx.x], &step, sizeof step);
  }
  __shared__ unsigned largest;
  if (threadIdx.x == 0) largest = 0;
  __syncthreads();
  unsigned size = 0;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kUpdateThreads;
  for (std::int64_t group = static_cast<std::int64_t>(blockIdx.x) * kUpdateThreads + threadIdx.x;
       group < job.count / 4; group += step) {
    size = larger(size, largest_of(reinterpret_cast<const float4*>(job.g)[group]));
  }
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    size = larger(size, __shfl_xor_sync(kAllLanes, size, distance));
  }
  if (threadIdx.x % kWarp == 0) atomicMax(&largest, size);
  __syncthreads();
  if (threadIdx.x == 0) atomicMax(&end.state->largest_gradient, largest);
  if (!last_block(&end.state->finished_blocks)) return;

  __shared__ Verdict verdict;
  if (threadIdx.x == 0) verdict = judge<Rule>(end, job);
  __syncthreads();
  const bool applies =
      verdict == Verdict::applies || (verdict == Verdict::unknown && stays_finite<Rule>(job));
  if (threadIdx.x != 0) return;
  job.state->apply = applies ? 1 : 0;
  if (!applies) {
    end.state->failed = 1;
    return;
  }
  note_outcome(end);
  ++job.state->steps;
}

template <class Rule>
__global__ void __launch_bounds__(kUpdateThreads) update(Update job) {
  if (job.state->apply == 0) return;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kUpdateThreads;
  for (std::int64_t group = static_cast<std::int64_t>(blockIdx.x) * kUpdateThreads + threadIdx.x;
       group < job.count / 4; group += step) {
    const Numbers made = updated<Rule>(job, group);
    reinterpret_cast<float4*>(job.p)[group] = made.p;
    for (int i = 0; i < 2; ++i) {
      if (job.states[i] != nullptr)
        reinterpret_cast<float4*>(job.states[i])[group] = made.states[i];
    }
    if (job.low != nullptr) store4(job.low, true, group, made.p);
  }
}

template <class... Rules>
bool add_kernels(TypeList<Rules...>) {
  static const std::tuple<Kernel<&begin_update<Rules>>..., Kernel<&update<Rules>>...> kernels;
  return true;
}
static const bool kernels_added = add_kernels(UpdateRules{});

#ifdef __CUDACC__
cudaError_t launch_begin_update(const StepEnd& end, const UpdateRule& rule, const Update& job,
                                cudaStream_t stream) {
  constexpr std::int64_t kMostBlocks = 512;
  const unsigned blocks = blocks_for(job.count / 4, kUpdateThreads * 4, kMostBlocks);
  std::visit(
      [&](const auto& of_kind) {
        begin_update<<<blocks, kUpdateThreads, 0, stream>>>(end, of_kind, job);
      },
      rule);
  return cudaGetLastError();
}
cudaError_t launch_update(const UpdateRule& rule, const Update& job, cudaStream_t stream) {
  constexpr std::int64_t kMostBlocks = 2048;
  const unsigned blocks = blocks_for(job.count / 4, kUpdateThreads, kMostBlocks);
  std::visit(
      [&](const auto& of_kind) {
        update<std::decay_t<decltype(of_kind)>><<<blocks, kUpdateThreads, 0, stream>>>(job);
      },
      rule);
  return cudaGetLastError();
}
#endif

}  // namespace minnow::cuda
