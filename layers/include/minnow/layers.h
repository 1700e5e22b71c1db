#pragma once

/// The layers. Each is a small immutable object that a Model shares.
///
///     {minnow::dense(128, {.init = minnow::Init::he_uniform}), minnow::relu(), minnow::dense(10)}

#include <minnow/export.h>
#include <minnow/layer.h>
#include <minnow/model.h>

#include <cstdint>
#include <string>

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
/// max(0, x); keeps NaN.
MINNOW_API LayerPtr relu();
/// exp(x) / sum(exp(x)) along each row.
MINNOW_API LayerPtr softmax();

/// Reads what save_model() wrote. @throws IoError, FormatError.
MINNOW_API Model load_model(const std::string& path);

}  // namespace minnow
