// What works on each element alone: functors over one launcher, four elements at a time. Padding at
// the end of a row is computed along; nobody reads it.

#include "device.cuh"

namespace minnow::cuda {

struct AddBias {
  Matrix x;
  const float* bias;
  bool relu;
  Matrix y;

  __device__ void operator()(std::int64_t group) const {
    const float4 a = load4(x.data, x.bf16, group);
    // In 32 bits: a division of 64 bits would take longer than the rest.
    const auto col = static_cast<std::uint32_t>(group) % static_cast<std::uint32_t>(x.stride / 4);
    const float4 b = load4(bias, false, col);
    float4 sum = {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
    if (relu) sum = rectified(sum);
    store4(y.data, y.bf16, group, sum);
  }

  // A NaN stays one.
  __device__ static float4 rectified(float4 v) {
    return {v.x < 0 ? 0 : v.x, v.y < 0 ? 0 : v.y, v.z < 0 ? 0 : v.z, v.w < 0 ? 0 : v.w};
  }
};

struct Relu {
  Matrix x;
  Matrix y;

  __device__ void operator()(std::int64_t group) const {
    store4(y.data, y.bf16, group, AddBias::rectified(load4(x.data, x.bf16, group)));
  }
};

struct ReluGrad {
  Matrix dy;
  Matrix y;
  Matrix dx;

  __device__ void operator()(std::int64_t group) const {
    const float4 d = load4(dy.data, dy.bf16, group);
    const float4 v = load4(y.data, y.bf16, group);
    store4(dx.data, dx.bf16, group,
           {v.x > 0 ? d.x : 0, v.y > 0 ? d.y : 0, v.z > 0 ? d.z : 0, v.w > 0 ? d.w : 0});
  }
};

/// p, and its bfloat16 copy where there is one, from flat arenas.
struct Adam {
  const UpdateState* state;
  Update arenas;
  float new_share1;
  float new_share2;

  __device__ void operator()(std::int64_t group) const {
    if (state->apply == 0) return;
    const float rate = state->rate;
    const float epsilon = state->epsilon;
    const float4 g = reinterpret_cast<const float4*>(arenas.g)[group];
    float4 p = reinterpret_cast<float4*>(arenas.p)[group];
    float4 m = reinterpret_cast<float4*>(arenas.m)[group];
    float4 v = reinterpret_cast<float4*>(arenas.v)[group];
    const auto one = [&](float gradient, float& first, float& second, float& parameter) {
      first += (gradient - first) * new_share1;
      second += (gradient * gradient - second) * new_share2;
      parameter -= rate * first / (sqrtf(second) + epsilon);
    };
    one(g.x, m.x, v.x, p.x);
    one(g.y, m.y, v.y, p.y);
    one(g.z, m.z, v.z, p.z);
    one(g.w, m.w, v.w, p.w);
    reinterpret_cast<float4*>(arenas.m)[group] = m;
    reinterpret_cast<float4*>(arenas.v)[group] = v;
    reinterpret_cast<float4*>(arenas.p)[group] = p;
    if (arenas.low != nullptr) store4(arenas.low, true, group, p);
  }
};

struct Sgd {
  const UpdateState* state;
  Update arenas;
  float momentum;

  __device__ void operator()(std::int64_t group) const {
    if (state->apply == 0) return;
    const float rate = state->learning_rate;
    const float4 g = reinterpret_cast<const float4*>(arenas.g)[group];
    float4 p = reinterpret_cast<float4*>(arenas.p)[group];
    float4 step = {-rate * g.x, -rate * g.y, -rate * g.z, -rate * g.w};
    if (arenas.m != nullptr) {
      const float4 old = reinterpret_cast<float4*>(arenas.m)[group];
      step = {momentum * old.x + step.x, momentum * old.y + step.y, momentum * old.z + step.z,
              momentum * old.w + step.w};
      reinterpret_cast<float4*>(arenas.m)[group] = step;
    }
    p = {p.x + step.x, p.y + step.y, p.z + step.z, p.w + step.w};
    reinterpret_cast<float4*>(arenas.p)[group] = p;
    if (arenas.low != nullptr) store4(arenas.low, true, group, p);
  }
};

constexpr int kElementThreads = 256;
// Enough blocks to fill any GPU; each thread then goes through the rest.
constexpr std::int64_t kMostBlocks = 2048;

template <class F>
__global__ void __launch_bounds__(kElementThreads) elementwise(F f, std::int64_t groups) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kElementThreads;
  for (std::int64_t group = static_cast<std::int64_t>(blockIdx.x) * kElementThreads + threadIdx.x;
       group < groups; group += step) {
    f(group);
  }
}
MINNOW_KERNEL(elementwise<AddBias>);
MINNOW_KERNEL(elementwise<Relu>);
MINNOW_KERNEL(elementwise<ReluGrad>);
MINNOW_KERNEL(elementwise<Adam>);
MINNOW_KERNEL(elementwise<Sgd>);

#ifdef __CUDACC__
namespace {
template <class F>
cudaError_t launch(const F& f, std::int64_t elements, cudaStream_t stream) {
  const std::int64_t groups = elements / 4;
  elementwise<<<blocks_for(groups, kElementThreads, kMostBlocks), kElementThreads, 0, stream>>>(
      f, groups);
  return cudaGetLastError();
}
std::int64_t elements(const Matrix& matrix) { return matrix.rows * matrix.stride; }
}  // namespace

cudaError_t launch_add_bias(const Matrix& x, const float* bias, bool relu, const Matrix& y,
                            cudaStream_t stream) {
  return launch(AddBias{x, bias, relu, y}, elements(y), stream);
}
cudaError_t launch_relu(const Matrix& x, const Matrix& y, cudaStream_t stream) {
  return launch(Relu{x, y}, elements(y), stream);
}
cudaError_t launch_relu_grad(const Matrix& dy, const Matrix& y, const Matrix& dx,
                             cudaStream_t stream) {
  return launch(ReluGrad{dy, y, dx}, elements(dx), stream);
}
cudaError_t launch_update(const UpdateState* state, const UpdateConstants& constants,
                          const Update& update, cudaStream_t stream) {
  if (!constants.adam) return launch(Sgd{state, update, constants.momentum}, update.count, stream);
  return launch(Adam{state, update, static_cast<float>(1.0 - constants.beta1),
                     static_cast<float>(1.0 - constants.beta2)},
                update.count, stream);
}
#endif

}  // namespace minnow::cuda
