#include <minnow/standardize.h>

#include <gtest/gtest.h>
#include <minnow/error.h>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "message_of.h"

namespace minnow::testing {
namespace {

Tensor tensor_of(const std::vector<float>& values, Shape shape) {
  return Tensor::from(std::span<const float>(values), std::move(shape));
}

TEST(Standardize, GivesMeanZeroAndDeviationOne) {
  const auto transform = standardize(tensor_of({1, 10, 5, 3, 30, 5, 5, 50, 5}, {3, 3}));
  EXPECT_EQ(transform.offset, (std::vector<float>{3, 30, 5}));
  EXPECT_NEAR(transform.scale[0], std::sqrt(3.0 / 8.0), 1e-7);
  EXPECT_NEAR(transform.scale[1], std::sqrt(3.0 / 800.0), 1e-8);
  EXPECT_EQ(transform.scale[2], 1.0F);
}

TEST(Standardize, TakesBytesAndAnyRank) {
  const Tensor bytes = tensor_of({0, 1, 2, 3, 4, 5, 6, 7}, {2, 2, 2}).to(DType::u8);
  const auto transform = standardize(bytes);
  EXPECT_EQ(transform.offset, (std::vector<float>{2, 3, 4, 5}));
  EXPECT_EQ(transform.scale, (std::vector<float>{0.5F, 0.5F, 0.5F, 0.5F}));
}

TEST(Standardize, KeepsAConstantThatHasNoExactMean) {
  const auto transform = standardize(tensor_of(std::vector<float>(1000, 0.1F), {1000, 1}));
  EXPECT_EQ(transform.offset[0], 0.1F);
  EXPECT_EQ(transform.scale[0], 1.0F);
}

TEST(Standardize, RefusesNoRowsAndValuesThatAreNotFinite) {
  EXPECT_TRUE(message_of<InvalidArgument>([] { standardize(Tensor()); }).ends_with("[MN-N07]"));
  const Tensor x = tensor_of({1, 2, 3, std::numeric_limits<float>::quiet_NaN()}, {2, 2});
  EXPECT_EQ(message_of<InvalidArgument>([&] { standardize(x); }),
            "row 1, column 1 is nan: a feature with it cannot be standardized. [MN-N04]");
}

}  // namespace
}  // namespace minnow::testing
