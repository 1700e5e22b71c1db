// What works on each element alone: functors over one launcher, four elements at a time. Padding at
// the end of a row is computed along; nobody reads it.

#include "device.cuh"

namespace minnow::cuda {

/// y = f(x + bias)
struct Activate {
  Matrix x;
  const float* bias;
  Function f;
  Matrix y;

  __device__ void operator()(std::int64_t group) const {
    float4 v = load4(x.data, x.bf16, group);
    if (bias != nullptr) {
      // In 32 bits: a division of 64 bits would take longer than the rest.
      const auto col = static_cast<std::uint32_t>(group) % static_cast<std::uint32_t>(x.stride / 4);
      const float4 b = load4(bias, false, col);
      v = {v.x + b.x, v.y + b.y, v.z + b.z, v.w + b.w};
    }
    visit(f.kind, Activations{}, [&](auto function) {
      using F = decltype(function);
      v = {F::value(v.x, f.parameter), F::value(v.y, f.parameter), F::value(v.z, f.parameter),
           F::value(v.w, f.parameter)};
    });
    store4(y.data, y.bf16, group, v);
  }
};

struct ActivateGrad {
  Matrix dy;
  Matrix saved;
  Function f;
  Matrix dx;

  __device__ void operator()(std::int64_t group) const {
    float4 d = load4(dy.data, dy.bf16, group);
    const float4 at = load4(saved.data, saved.bf16, group);
    visit(f.kind, Activations{}, [&](auto function) {
      using F = decltype(function);
      d = {activation_gradient<F>(d.x, at.x, f.parameter),
           activation_gradient<F>(d.y, at.y, f.parameter),
           activation_gradient<F>(d.z, at.z, f.parameter),
           activation_gradient<F>(d.w, at.w, f.parameter)};
    });
    store4(dx.data, dx.bf16, group, d);
  }
};

struct Add {
  Matrix a;
  Matrix b;
  Matrix y;

  __device__ void operator()(std::int64_t group) const {
    const float4 v = load4(a.data, a.bf16, group);
    const float4 w = load4(b.data, b.bf16, group);
    store4(y.data, y.bf16, group, {v.x + w.x, v.y + w.y, v.z + w.z, v.w + w.w});
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
MINNOW_KERNEL(elementwise<Activate>);
MINNOW_KERNEL(elementwise<ActivateGrad>);
MINNOW_KERNEL(elementwise<Add>);

#ifdef __CUDACC__
namespace {
template <class F>
cudaError_t launch(const F& f, const Matrix& result, cudaStream_t stream) {
  const std::int64_t groups = result.rows * result.stride / 4;
  elementwise<<<blocks_for(groups, kElementThreads, kMostBlocks), kElementThreads, 0, stream>>>(
      f, groups);
  return cudaGetLastError();
}
}  // namespace

cudaError_t launch_activate(const Matrix& x, const float* bias, Function f, const Matrix& y,
                            cudaStream_t stream) {
  return launch(Activate{x, bias, f, y}, y, stream);
}
cudaError_t launch_activate_grad(const Matrix& dy, const Matrix& saved, Function f,
                                 const Matrix& dx, cudaStream_t stream) {
  return launch(ActivateGrad{dy, saved, f, dx}, dx, stream);
}
cudaError_t launch_add(const Matrix& a, const Matrix& b, const Matrix& y, cudaStream_t stream) {
  return launch(Add{a, b, y}, y, stream);
}
#endif

}  // namespace minnow::cuda
