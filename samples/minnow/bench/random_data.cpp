#include "bench/random_data.h"

#include <minnow/random.h>

#include <span>

namespace minnow::command {
namespace {

constexpr std::uint64_t kFeatures = 0x42454E43U;  // streams away from the initializers'
constexpr std::uint64_t kTargets = kFeatures + 1;

void fill(std::span<float> values, std::uint64_t seed, std::uint64_t stream) {
  for (std::size_t i = 0; i < values.size(); i += 4) {
    const PhiloxCounter words = random_words(seed, stream, i / 4);
    for (std::size_t j = 0; j < 4 && i + j < values.size(); ++j) {
      values[i + j] = to_unit_float(words.word[j]);
    }
  }
}

void fill_labels(std::span<std::int32_t> labels, std::uint64_t seed, std::int64_t classes) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::uint64_t word = random_words(seed, kTargets, i).word[0];
    labels[i] = static_cast<std::int32_t>((word * static_cast<std::uint64_t>(classes)) >> 32);
  }
}

}  // namespace

Tensor RandomData::x(std::int64_t rows) {
  if (x_.shape().rows() < rows) {
    x_ = Tensor();  // never both in memory
    Tensor grown({rows, net_.inputs()});
    fill(grown.mutable_data<float>(), seed_, kFeatures);
    x_ = grown;
  }
  return x_.rows(0, rows);
}

Tensor RandomData::y(std::int64_t rows) {
  if (y_.shape().rows() < rows) {
    y_ = net_.classifier() ? Tensor({rows}, DType::i32) : Tensor({rows, 1});
    if (net_.classifier()) {
      fill_labels(y_.mutable_data<std::int32_t>(), seed_, net_.outputs());
    } else {
      fill(y_.mutable_data<float>(), seed_, kTargets);
    }
  }
  return y_.rows(0, rows);
}

}  // namespace minnow::command
