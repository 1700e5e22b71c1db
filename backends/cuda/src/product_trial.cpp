#include "product_trial.h"

#include <minnow/random.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "call.h"

namespace minnow::cuda {

void fill_with_numbers(void* memory, std::int64_t bytes, cudaStream_t stream) {
  constexpr std::int64_t kPiece = 1 << 20;
  std::vector<std::uint16_t> numbers;
  numbers.reserve(kPiece / 2);
  while (static_cast<std::int64_t>(numbers.size()) < kPiece / 2) {
    for (const std::uint32_t word : random_words(0, 0, numbers.size()).word) {
      for (const std::uint32_t half : {word & 0xFFFFU, word >> 16}) {
        numbers.push_back(
            static_cast<std::uint16_t>((half & 0x8000U) | (0x3E80U + (half & 0xFFU))));
      }
    }
  }
  for (std::int64_t at = 0; at < bytes; at += kPiece) {
    const auto size = static_cast<std::size_t>(std::min(kPiece, bytes - at));
    check(cudaMemcpyAsync(static_cast<std::byte*>(memory) + at, numbers.data(), size,
                          cudaMemcpyHostToDevice, stream),
          "cudaMemcpyAsync");
  }
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
}

std::vector<float> column_sums(std::span<const float> values, std::int64_t cols) {
  std::vector<double> sums(static_cast<std::size_t>(cols));
  for (std::size_t i = 0; i < values.size(); ++i) {
    sums[i % sums.size()] += static_cast<double>(values[i]);
  }
  return {sums.begin(), sums.end()};
}

double distance(std::span<const float> values, std::span<const float> expected) {
  double apart = 0;
  double length = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto wanted = static_cast<double>(expected[i]);
    const double difference = static_cast<double>(values[i]) - wanted;
    apart += difference * difference;
    length += wanted * wanted;
  }
  return apart == 0 ? 0 : std::sqrt(apart / length);
}

}  // namespace minnow::cuda
