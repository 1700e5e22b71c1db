#pragma once

/// Features of one scale, as training needs them: the model keeps the numbers, so whoever loads it
/// gives it raw features.
///
///     minnow::Model model(inputs, layers, {.input = minnow::standardize(x_train)});

#include <minnow/export.h>
#include <minnow/program.h>
#include <minnow/tensor.h>

namespace minnow {

/// Mean 0 and standard deviation 1 per feature of x (rows, ...); a constant feature keeps scale 1.
/// @throws InvalidArgument for x without rows and for a value that is not finite.
MINNOW_API InputTransform standardize(const Tensor& x);

}  // namespace minnow
