#pragma once

/// Counter-based random numbers: every number is a pure function of a key and a counter, so the
/// same seed gives the same weights and the same batches on every device and thread count.
///
/// philox4x32: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011), 10 rounds.

#include <minnow/host_device.h>

#include <cstdint>

namespace minnow {

struct PhiloxCounter {
  std::uint32_t word[4];
};
struct PhiloxKey {
  std::uint32_t word[2];
};

MINNOW_HOST_DEVICE constexpr PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * counter.word[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * counter.word[2];
    counter = {{static_cast<std::uint32_t>(product1 >> 32) ^ counter.word[1] ^ key.word[0],
                static_cast<std::uint32_t>(product1),
                static_cast<std::uint32_t>(product0 >> 32) ^ counter.word[3] ^ key.word[1],
                static_cast<std::uint32_t>(product0)}};
    key.word[0] += 0x9E3779B9U;
    key.word[1] += 0xBB67AE85U;
  }
  return counter;
}

MINNOW_HOST_DEVICE constexpr PhiloxKey philox_key(std::uint64_t seed) {
  return {{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
}

/// Four random words for element `index` of stream `stream` under `seed`.
MINNOW_HOST_DEVICE constexpr PhiloxCounter random_words(std::uint64_t seed, std::uint64_t stream,
                                                        std::uint64_t index) {
  return philox4x32(
      {{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
        static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)}},
      philox_key(seed));
}

/// Uniform in [0, 1): the top 24 bits of a word.
MINNOW_HOST_DEVICE constexpr float to_unit_float(std::uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24F;
}

/// A random permutation of 0..size-1 without memory: `permutation(i)` is the i-th row of an epoch.
/// A four-round Feistel network over the next even power of two, walked until it falls inside.
class Permutation {
 public:
  MINNOW_HOST_DEVICE constexpr Permutation(std::uint64_t size, std::uint64_t seed,
                                           std::uint64_t epoch)
      : size_(size) {
    while ((std::uint64_t{1} << (2 * half_bits_)) < size && half_bits_ < 32) ++half_bits_;
    // One stream of its own, so that a shuffle never meets an initializer's numbers.
    const PhiloxCounter words = random_words(seed, 0x5055464CU, epoch);
    for (int round = 0; round < 4; ++round) key_[round] = words.word[round];
  }

  MINNOW_HOST_DEVICE constexpr std::uint64_t operator()(std::uint64_t index) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
    do {
      std::uint64_t left = index >> half_bits_;
      std::uint64_t right = index & mask;
      for (const std::uint32_t key : key_) {
        const std::uint64_t mixed = left ^ (mix(static_cast<std::uint32_t>(right), key) & mask);
        left = right;
        right = mixed;
      }
      index = (left << half_bits_) | right;
    } while (index >= size_);
    return index;
  }

  /// The network itself, for who computes many rows at once: 2 * half_bits() bits, four keys.
  constexpr int half_bits() const { return half_bits_; }
  constexpr const std::uint32_t* keys() const { return key_; }

 private:
  // The finalizer of MurmurHash3 (public domain), keyed.
  MINNOW_HOST_DEVICE static constexpr std::uint32_t mix(std::uint32_t value, std::uint32_t key) {
    value ^= key;
    value = (value ^ (value >> 16)) * 0x85EBCA6BU;
    value = (value ^ (value >> 13)) * 0xC2B2AE35U;
    return value ^ (value >> 16);
  }

  std::uint64_t size_;
  int half_bits_ = 1;
  std::uint32_t key_[4] = {};
};

}  // namespace minnow
