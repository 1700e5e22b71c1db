#include "data/made_data.h"

#include <minnow/random.h>

#include <cmath>
#include <numbers>
#include <span>

namespace minnow::command {
namespace {

// Streams of their own, so that data never meets an initializer's or a shuffle's numbers.
constexpr std::uint64_t kFeatures = 0x58444154;  // "XDAT"
constexpr std::uint64_t kTargets = 0x59444154;   // "YDAT"

Tensor uniform(std::int64_t rows, std::int64_t columns, std::uint64_t seed, std::uint64_t stream) {
  Tensor tensor(Shape{rows, columns});
  std::uint64_t index = 0;
  for (float& value : tensor.mutable_data<float>()) {
    value = to_unit_float(random_words(seed, stream, index / 4).word[index % 4]);
    ++index;
  }
  return tensor;
}

/// Box and Muller (1958).
double normal(std::uint64_t seed, std::uint64_t index) {
  const PhiloxCounter words = random_words(seed, kTargets, index);
  const double radius = std::sqrt(-2.0 * std::log((words.word[0] + 1.0) * 0x1p-32));  // (0, 1]
  return radius * std::cos(2.0 * std::numbers::pi * (words.word[1] * 0x1p-32));
}

Tensor friedman(const Tensor& x, std::uint64_t seed) {
  Tensor y(Shape{x.shape().rows(), 1});
  auto row = x.data<float>();
  std::uint64_t index = 0;
  for (float& value : y.mutable_data<float>()) {
    const double curved = row[2] - 0.5;
    value = static_cast<float>(10.0 * std::sin(std::numbers::pi * row[0] * row[1]) +
                               20.0 * curved * curved + 10.0 * row[3] + 5.0 * row[4] +
                               normal(seed, index));
    row = row.subspan(10);
    ++index;
  }
  return y;
}

}  // namespace

Dataset make_toy(std::uint64_t seed) {
  Dataset data;
  data.x_train = uniform(100, 10, seed, kFeatures);
  data.y_train = uniform(100, 1, seed, kTargets);
  return data;
}

Dataset make_friedman1(std::uint64_t seed) {
  constexpr std::int64_t kTrain = 4000;
  constexpr std::int64_t kAll = 5000;
  const Tensor x = uniform(kAll, 10, seed, kFeatures);
  const Tensor y = friedman(x, seed);
  Dataset data;
  data.x_train = x.rows(0, kTrain);
  data.y_train = y.rows(0, kTrain);
  data.x_test = x.rows(kTrain, kAll);
  data.y_test = y.rows(kTrain, kAll);
  return data;
}

}  // namespace minnow::command
