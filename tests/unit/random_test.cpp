#include <gtest/gtest.h>
#include <minnow/random.h>

#include <cstdint>
#include <vector>

namespace minnow {
namespace {

// Known answers from Random123's kat_vectors (philox4x32, 10 rounds).
TEST(RandomTest, PhiloxGivesTheKnownAnswers) {
  const auto zero = philox4x32({{0, 0, 0, 0}}, {{0, 0}});
  EXPECT_EQ(zero.word[0], 0x6627e8d5U);
  EXPECT_EQ(zero.word[1], 0xe169c58dU);
  EXPECT_EQ(zero.word[2], 0xbc57ac4cU);
  EXPECT_EQ(zero.word[3], 0x9b00dbd8U);
  const auto ones = philox4x32({{~0U, ~0U, ~0U, ~0U}}, {{~0U, ~0U}});
  EXPECT_EQ(ones.word[0], 0x408f276dU);
  EXPECT_EQ(ones.word[1], 0x41c83b0eU);
  EXPECT_EQ(ones.word[2], 0xa20bc7c6U);
  EXPECT_EQ(ones.word[3], 0x6d5451fdU);
  const auto pi = philox4x32({{0x243f6a88U, 0x85a308d3U, 0x13198a2eU, 0x03707344U}},
                             {{0xa4093822U, 0x299f31d0U}});
  EXPECT_EQ(pi.word[0], 0xd16cfe09U);
  EXPECT_EQ(pi.word[1], 0x94fdccebU);
  EXPECT_EQ(pi.word[2], 0x5001e420U);
  EXPECT_EQ(pi.word[3], 0x24126ea1U);
}

TEST(RandomTest, UnitFloatsStayBelowOne) {
  EXPECT_EQ(to_unit_float(0), 0.0F);
  EXPECT_LT(to_unit_float(~0U), 1.0F);
  double sum = 0;
  for (std::uint64_t i = 0; i < 100000; ++i) sum += to_unit_float(random_words(1, 0, i).word[0]);
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
}

TEST(RandomTest, APermutationHitsEveryRowOnce) {
  for (const std::uint64_t size : {1U, 2U, 3U, 5U, 16U, 17U, 100U, 1000U, 60000U}) {
    for (const std::uint64_t epoch : {0U, 1U}) {
      const Permutation permutation(size, 42, epoch);
      std::vector<bool> seen(size);
      for (std::uint64_t i = 0; i < size; ++i) {
        const std::uint64_t row = permutation(i);
        ASSERT_LT(row, size);
        ASSERT_FALSE(seen[row]) << size;
        seen[row] = true;
      }
    }
  }
}

TEST(RandomTest, PermutationsDifferByEpochAndSeedAndLeaveFewRowsInPlace) {
  constexpr std::uint64_t kSize = 10000;
  const Permutation first(kSize, 1, 0), next_epoch(kSize, 1, 1), other_seed(kSize, 2, 0);
  int fixed = 0, same_epoch = 0, same_seed = 0, neighbours = 0;
  for (std::uint64_t i = 0; i < kSize; ++i) {
    fixed += first(i) == i;
    same_epoch += first(i) == next_epoch(i);
    same_seed += first(i) == other_seed(i);
    neighbours += i > 0 && first(i) == first(i - 1) + 1;
  }
  // A random permutation has about one of each; 12 or more has a chance of some 1e-9.
  EXPECT_LT(fixed, 12);
  EXPECT_LT(same_epoch, 12);
  EXPECT_LT(same_seed, 12);
  EXPECT_LT(neighbours, 12);
}

TEST(RandomTest, APermutationSpreadsEachPartOverAll) {
  // The first tenth of the positions takes about a tenth of each tenth of the rows.
  constexpr std::uint64_t kSize = 60000;
  const Permutation permutation(kSize, 9, 3);
  std::vector<int> rows(10);
  for (std::uint64_t i = 0; i < kSize / 10; ++i) ++rows[permutation(i) * 10 / kSize];
  for (const int count : rows) EXPECT_NEAR(count, 600, 120);  // five standard deviations
}

}  // namespace
}  // namespace minnow
