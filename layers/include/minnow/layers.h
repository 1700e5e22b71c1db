#pragma once

/// The layers. Each is a small immutable object that a Model shares.
///
///     {minnow::dense(128, {.init = minnow::Init::he_uniform}), minnow::relu(), minnow::dense(10)}

#include <minnow/export.h>
#include <minnow/layer.h>
#include <minnow/model.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace minnow {

struct DenseOptions {
  bool bias = true;
  /// glorot_uniform: U(-a, a), a = sqrt(6/(in+out)) (Glorot and Bengio 2010); he_uniform:
  /// a = sqrt(6/in), he_normal: N(0, 2/in), not truncated (He et al. 2015). Biases start at zero.
  Init init = Init::glorot_uniform;
  Tensor weight = {};       // (units, inputs): the starting weight, instead of `init`
  Tensor bias_values = {};  // (units)
};

/// y = x w^T + b: (batch, inputs) -> (batch, units). @throws InvalidArgument for units < 1.
MINNOW_API LayerPtr dense(std::int64_t units, DenseOptions options = {});
/// A function of each element by itself; activation.h has the table of them. @throws
/// InvalidArgument for a parameter that is no finite number of 0 or more, and for one of a
/// program's own that lacks a function or has the name of a layer of the library.
MINNOW_API LayerPtr activation(Activation function);
inline LayerPtr relu() { return activation({ActivationKind::relu}); }
inline LayerPtr leaky_relu(float slope = 0.01F) {
  return activation({ActivationKind::leaky_relu, slope});
}
inline LayerPtr elu(float alpha = 1.0F) { return activation({ActivationKind::elu, alpha}); }
inline LayerPtr sigmoid() { return activation({ActivationKind::sigmoid}); }
inline LayerPtr tanh() { return activation({ActivationKind::tanh}); }
inline LayerPtr softplus() { return activation({ActivationKind::softplus}); }
inline LayerPtr silu() { return activation({ActivationKind::silu}); }
inline LayerPtr gelu() { return activation({ActivationKind::gelu}); }
/// One of a program's own, on the CPU: value(x) and slope(x) are functions from float to float that
/// throw nothing, called from several threads. A model file names it, and read_model() with a
/// factory of one's own makes it again.
///
///     minnow::activation("square", [](float x) { return x * x; }, [](float x) { return 2 * x; })
template <class Value, class Slope>
LayerPtr activation(std::string name, Value value, Slope slope) {
  CustomActivation custom{
      .name = std::move(name),
      .value =
          [value](const float* x, float* y, std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i) y[i] = value(x[i]);
          },
      .slope =
          [slope](const float* dy, const float* x, float* dx, std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i] * slope(x[i]);
          }};
  return activation({.kind = ActivationKind::custom,
                     .custom = std::make_shared<const CustomActivation>(std::move(custom))});
}
/// exp(x) / sum(exp(x)) along each row.
MINNOW_API LayerPtr softmax();

/// Reads what save_model() wrote. @throws IoError, FormatError.
MINNOW_API Model load_model(const std::string& path);

}  // namespace minnow
