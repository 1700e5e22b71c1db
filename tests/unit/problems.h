#pragma once

// Small training problems that tests share.

#include <minnow/minnow.h>
#include <minnow/random.h>

#include <vector>

#include "message_of.h"

namespace minnow::testing {

inline Tensor random_tensor(Shape shape, std::uint64_t stream) {
  Tensor tensor(std::move(shape));
  const auto values = tensor.mutable_data<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = to_unit_float(random_words(11, stream, i).word[0]);
  }
  return tensor;
}

/// Labels that depend on x: the index of the largest of the first `classes` features.
inline Tensor labels_of(const Tensor& x, std::int64_t classes) {
  Tensor labels({x.shape().rows()}, DType::i32);
  const auto to = labels.mutable_data<std::int32_t>();
  const auto from = x.data<float>();
  const std::int64_t width = x.shape().row_elements();
  for (std::size_t row = 0; row < to.size(); ++row) {
    const float* first = from.data() + static_cast<std::int64_t>(row) * width;
    for (std::int32_t i = 1; i < classes; ++i) {
      if (first[i] > first[to[row]]) to[row] = i;
    }
  }
  return labels;
}

inline Model small_classifier(std::uint64_t seed = 1) {
  return Model(10, {dense(16), relu(), dense(3), softmax()}, {.seed = seed});
}
/// Large enough that a step is shared between threads.
inline Model wide_classifier(std::uint64_t seed = 1) {
  return Model(784, {dense(200), relu(), dense(10), softmax()}, {.seed = seed});
}

inline std::vector<float> all_weights(const Model& model) {
  std::vector<float> all;
  for (const std::string& name : model.weight_names()) {
    const Tensor values = model.weight(name);
    all.insert(all.end(), values.data<float>().begin(), values.data<float>().end());
  }
  return all;
}

}  // namespace minnow::testing
