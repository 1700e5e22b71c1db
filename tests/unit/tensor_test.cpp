#include <gtest/gtest.h>
#include <minnow/error.h>
#include <minnow/tensor.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "message_of.h"

namespace minnow {
namespace {

using testing::message_of;

TEST(ShapeTest, CountsElements) {
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape{0}.elements(), 0);
  const Shape images{60000, 28, 28};
  EXPECT_EQ(images.rank(), 3);
  EXPECT_EQ(images.elements(), 47040000);
  EXPECT_EQ(images.rows(), 60000);
  EXPECT_EQ(images.row_elements(), 784);
  EXPECT_EQ(images.str(), "(60000, 28, 28)");
  EXPECT_EQ(Shape{5}.str(), "(5,)");
}

TEST(ShapeTest, RefusesOverflowAndNegativeExtents) {
  const std::int64_t big = std::int64_t{1} << 40;
  EXPECT_EQ(message_of<ShapeError>([&] {
              Shape{big, big};
            }),
            "the size of a tensor does not fit into 63 bits. [MN-M09]\n"
            "  evidence: 1099511627776 x 1099511627776");
  EXPECT_THROW((Shape{std::int64_t{1} << 61}), ShapeError);  // in bytes
  EXPECT_EQ(message_of<InvalidArgument>([] {
              Shape{2, -3};
            }),
            "shape (2, -3) has a negative extent. [MN-N02]");
}

TEST(TensorTest, IsZeroedAndAligned) {
  Tensor tensor({3, 5});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.raw()) % 64, 0U);
  for (const float value : tensor.data<float>()) EXPECT_EQ(value, 0.0F);
  EXPECT_TRUE(Tensor().empty());
}

TEST(TensorTest, CopiesOrViewsASpan) {
  std::vector<float> values{1, 2, 3, 4, 5, 6};
  const auto copy = Tensor::from(std::span<const float>(values), {2, 3});
  auto view = Tensor::view(std::span<float>(values), {2, 3});
  view.mutable_data<float>()[0] = 9;
  EXPECT_EQ(values[0], 9);
  EXPECT_EQ(copy.data<float>()[0], 1);
  auto constant = Tensor::view(std::span<const float>(values), {6});
  EXPECT_EQ(constant.data<float>().data(), values.data());
  EXPECT_EQ(message_of<InvalidArgument>([&] { constant.mutable_data<float>(); }),
            "a read-only tensor cannot be written. [MN-U02]\n"
            "  evidence: it is a view of constant memory\n"
            "  remedy:   clone() it first");
  EXPECT_NO_THROW(constant.clone().mutable_data<float>());
  EXPECT_EQ(message_of<ShapeError>([&] {
              Tensor::from(std::span<const float>(values), {4, 2});
            }),
            "a span of 6 elements does not fill shape (4, 2), which has 8. [MN-N02]");
  EXPECT_THROW(Tensor::view(std::span<float>(values), {4, 2}), ShapeError);
}

TEST(TensorTest, SlicesAndReshapesShareMemory) {
  Tensor tensor({4, 3});
  auto part = tensor.rows(1, 3);
  EXPECT_EQ(part.shape(), (Shape{2, 3}));
  part.mutable_data<float>()[0] = 7;
  EXPECT_EQ(tensor.data<float>()[3], 7);
  EXPECT_EQ(tensor.reshape({2, 6}).raw(), tensor.raw());
  EXPECT_EQ(tensor.rows(4, 4).shape(), (Shape{0, 3}));
  EXPECT_THROW(tensor.rows(3, 5), InvalidArgument);
  EXPECT_THROW(tensor.rows(-1, 2), InvalidArgument);
  EXPECT_THROW(tensor.rows(2, 1), InvalidArgument);
  EXPECT_THROW(tensor.reshape({5}), ShapeError);
  EXPECT_THROW(Tensor(Shape{}).rows(0, 1), InvalidArgument);
}

TEST(TensorTest, ASliceOutlivesItsTensor) {
  Tensor part;
  {
    Tensor tensor({4});
    tensor.mutable_data<float>()[2] = 5;
    part = tensor.rows(2, 3);
  }
  EXPECT_EQ(part.data<float>()[0], 5);
}

TEST(TensorTest, ChecksTheElementType) {
  const Tensor tensor({2}, DType::u8);
  EXPECT_EQ(message_of<InvalidArgument>([&] { tensor.data<float>(); }),
            "a tensor of u8 was read as f32. [MN-N02]\n  remedy:   convert it with to()");
}

TEST(TensorTest, ConvertsWhatFits) {
  const std::vector<float> values{0, 255, 3};
  const auto tensor = Tensor::from(std::span<const float>(values), {3});
  EXPECT_EQ(tensor.to(DType::u8).data<std::uint8_t>()[1], 255);
  EXPECT_EQ(tensor.to(DType::i64).to(DType::i32).to(DType::f32).data<float>()[2], 3);
  EXPECT_EQ(tensor.to(DType::f32).raw(), tensor.raw());
  const float bad[] = {256.0F, -1.0F, 0.5F, std::numeric_limits<float>::quiet_NaN(), 1e30F};
  for (const float value : bad) {
    const auto one = Tensor::from(std::span<const float>(&value, 1), {1});
    EXPECT_THROW(one.to(DType::u8), InvalidArgument) << value;
  }
  const float end = 9223372036854775808.0F;  // 2^63 is no i64
  EXPECT_THROW(Tensor::from(std::span<const float>(&end, 1), {1}).to(DType::i64), InvalidArgument);
  const std::int64_t wide = std::int64_t{1} << 33;
  EXPECT_EQ(message_of<InvalidArgument>(
                [&] { Tensor::from(std::span<const std::int64_t>(&wide, 1), {1}).to(DType::i32); }),
            "element 0 is 8589934592, which i32 cannot hold. [MN-N03]");
}

TEST(TensorTest, SaysWhenMemoryCannotBeHad) {
  try {
    Tensor tensor({std::int64_t{1} << 50});
    FAIL() << "a petabyte was allocated";
  } catch (const ResourceExhausted& error) {
    EXPECT_EQ(error.needed_bytes(), std::int64_t{1} << 52);
    EXPECT_EQ(error.cause(), "not enough host memory for a tensor.");
    EXPECT_EQ(error.code(), Code("MN-M08"));
    EXPECT_EQ(error.evidence().find("shape (1125899906842624,), f32: needs 4096.0 TiB; available "),
              0U)
        << error.evidence();
    EXPECT_EQ(error.effect(), "nothing was allocated");
  }
}

TEST(ErrorTest, LeavesOutEmptyParts) {
  const ShapeError error({.code = "MN-X01", .what = "it failed.", .remedy = "do this"});
  EXPECT_STREQ(error.what(), "it failed. [MN-X01]\n  remedy:   do this");
  EXPECT_EQ(error.code(), Code("MN-X01"));
}

}  // namespace
}  // namespace minnow
