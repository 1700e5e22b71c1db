// Single products against double-precision sums of rounded factors.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "bf16.h"
#include "functions.h"

namespace minnow::testing {
namespace {

using Values = std::vector<float>;

/// To 8 significant bits by arithmetic: scale, round to the nearest even integer, scale back.
double rounded(float value) {
  int exponent = 0;
  const double mantissa = std::frexp(static_cast<double>(value), &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(mantissa, 8)), exponent - 8);
}

Values random_values(std::int64_t count, std::uint64_t stream) {
  Values values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = to_unit_float(random_words(5, stream, i).word[0]) - 0.5F;
  }
  return values;
}

struct Sides {
  std::int64_t rows, inputs, outputs;
};
// Below a tile, odd, more than a unit of 256 rows, panels of 512 columns.
constexpr Sides kSides[] = {{32, 32, 32},   {33, 129, 65},    {300, 33, 40},
                            {70, 400, 270}, {64, 2070, 2050}, {513, 100, 48}};

/// x, w and dy of a product, and what the device makes of them.
struct Case {
  explicit Case(const Sides& of)
      : sides(of),
        x(random_values(of.rows * of.inputs, 1)),
        w(random_values(of.outputs * of.inputs, 2)),
        dy(random_values(of.rows * of.outputs, 3)),
        bias(random_values(of.outputs, 4)) {}

  double at(const Values& values, std::int64_t row, std::int64_t cols, std::int64_t col) const {
    return rounded(values[static_cast<std::size_t>(row * cols + col)]);
  }

  Sides sides;
  Values x, w, dy, bias;
};

/// Every `stride`-th element of a product against the sum of `depth` terms term(row, col, k).
template <class Term, class Finish>
void expect_product(const Values& actual, std::int64_t rows, std::int64_t cols, std::int64_t depth,
                    Term term, Finish finish) {
  ASSERT_EQ(actual.size(), static_cast<std::size_t>(rows * cols));
  const std::int64_t stride = std::max<std::int64_t>(1, rows * cols * depth / 20'000'000) | 1;
  for (std::int64_t i = 0; i < rows * cols; i += stride) {
    double sum = 0, size = 0;
    for (std::int64_t k = 0; k < depth; ++k) {
      const double product = term(i / cols, i % cols, k);
      sum += product;
      size += std::abs(product);
    }
    // Rounding the factors otherwise would be off by some 1e-4 of it.
    ASSERT_NEAR(actual[static_cast<std::size_t>(i)], finish(sum, i / cols, i % cols),
                4e-6 * (size + 1))
        << "row " << i / cols << ", column " << i % cols;
  }
}

class Bf16Products : public Bf16 {
 protected:
  static std::string explained(const Executable& executable) {
    const std::string text = executable.explain();
    EXPECT_NE(text.find("(bf16 factors: oneDNN, "), std::string::npos) << text;
    return text;
  }
};

double value_of(const Activation& f, double x) {
  double y = 0;
  visit_activation(f.kind, Activations{}, [&](auto formula) { y = formula.value(x, f.parameter); });
  return y;
}
double slope_of(const Activation& f, double saved) {
  double slope = 0;
  visit_activation(f.kind, Activations{},
                   [&](auto formula) { slope = formula.slope(saved, f.parameter); });
  return slope;
}

TEST_F(Bf16Products, Linear) {
  const std::vector<Activation> activations = all_activations();
  std::size_t next = 0;
  for (const Sides& sides : kSides) {
    for (const int fused : {0, 1, 2, 3}) {
      const Activation& f = activations[next++ % activations.size()];
      const Case c(sides);
      Program program(sides.rows, {{.name = "w", .rows = sides.outputs, .cols = sides.inputs},
                                   {.name = "b", .rank = 1, .cols = sides.outputs}});
      const ValueId x = program.input("x", sides.rows, sides.inputs);
      ValueId y = program.linear(x, program.parameter(0));
      if (fused > 0) y = program.activate(f, program.add_bias(y, program.parameter(1)));
      program.keep(y);
      const Device device = open_bf16(2);
      const auto arena = device.backend().create_arena(program.parameters(), 0);
      arena->write(Arena::Part::parameters, 0, c.w);
      arena->write(Arena::Part::parameters, 1, c.bias);
      const auto executable = device.backend().compile(fused > 0 ? fuse(program) : program, *arena);
      explained(*executable);
      executable->write(x, c.x);
      executable->run(1);
      executable->wait();
      Values actual(static_cast<std::size_t>(sides.rows * sides.outputs));
      executable->read(y, actual);
      expect_product(
          actual, sides.rows, sides.outputs, sides.inputs,
          [&](auto row, auto col, auto k) {
            return c.at(c.x, row, sides.inputs, k) * c.at(c.w, col, sides.inputs, k);
          },
          [&](double sum, std::int64_t, std::int64_t col) {
            if (fused == 0) return sum;
            return value_of(f, sum + static_cast<double>(c.bias[static_cast<std::size_t>(col)]));
          });
    }
  }
}

TEST_F(Bf16Products, InputGradient) {
  const std::vector<Activation> activations = all_activations();
  std::size_t next = 0;
  for (const Sides& sides : kSides) {
    for (const int fused : {0, 1, 2, 3}) {
      const Activation& f = activations[next++ % activations.size()];
      const Case c(sides);
      Program program(sides.rows, {{.name = "w", .rows = sides.outputs, .cols = sides.inputs}});
      const ValueId dy = program.input("dy", sides.rows, sides.outputs);
      const ValueId x = program.input("x", sides.rows, sides.inputs);
      ValueId dx = program.linear_input_grad(dy, program.parameter(0));
      if (fused > 0) dx = program.activate_grad(f, dx, x, x);
      program.keep(dx);
      const Device device = open_bf16(2);
      const auto arena = device.backend().create_arena(program.parameters(), 0);
      arena->write(Arena::Part::parameters, 0, c.w);
      const auto executable = device.backend().compile(fuse(program), *arena);
      explained(*executable);
      executable->write(dy, c.dy);
      executable->write(x, c.x);
      executable->run(1);
      executable->wait();
      Values actual(static_cast<std::size_t>(sides.rows * sides.inputs));
      executable->read(dx, actual);
      expect_product(
          actual, sides.rows, sides.inputs, sides.outputs,
          [&](auto row, auto col, auto k) {
            return c.at(c.dy, row, sides.outputs, k) * c.at(c.w, k, sides.inputs, col);
          },
          [&](double sum, std::int64_t row, std::int64_t col) {
            const float saved = c.x[static_cast<std::size_t>(row * sides.inputs + col)];
            return fused > 0 ? sum * slope_of(f, saved) : sum;
          });
    }
  }
}

TEST_F(Bf16Products, WeightGradient) {
  for (const Sides& sides : kSides) {
    const Case c(sides);
    Program program(sides.rows, {{.name = "w", .rows = sides.outputs, .cols = sides.inputs}});
    const ValueId dy = program.input("dy", sides.rows, sides.outputs);
    const ValueId x = program.input("x", sides.rows, sides.inputs);
    program.linear_weight_grad(dy, x, program.gradient(0));
    const Device device = open_bf16(2);
    const auto arena = device.backend().create_arena(program.parameters(), 0);
    const auto executable = device.backend().compile(program, *arena);
    explained(*executable);
    executable->write(dy, c.dy);
    executable->write(x, c.x);
    for (int time = 0; time < 2; ++time) {  // it does not add to what was there
      executable->run(1);
      executable->wait();
    }
    Values actual(static_cast<std::size_t>(sides.outputs * sides.inputs));
    arena->read(Arena::Part::gradients, 0, actual);
    expect_product(
        actual, sides.outputs, sides.inputs, sides.rows,
        [&](auto row, auto col, auto k) {
          return c.at(c.dy, k, sides.outputs, row) * c.at(c.x, k, sides.inputs, col);
        },
        [](double sum, std::int64_t, std::int64_t) { return sum; });
  }
}

TEST_F(Bf16Products, RoundToNearestEvenAndKeepWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const float low_nan = std::bit_cast<float>(0x7F800001U);  // its upper half alone is infinity
  // 2^-8 is half of the last place at 1.
  const Values given = {1.0F, 1.00390625F, 1.01171875F, 1.00390637F,    1.00390613F, -1.00390625F,
                        0.0F, -0.0F,       3.0e-30F,    3.38953139e38F, kInfinity,   -kInfinity,
                        kNan, low_nan,     -low_nan,    3.40282347e38F};
  const Values wanted = {1.0F, 1.0F,           1.015625F, 1.0078125F, 1.0F, -1.0F, 0.0F, -0.0F,
                         0.0F, 3.38953139e38F, kInfinity, -kInfinity, kNan, kNan,  kNan, kInfinity};
  constexpr std::int64_t kSide = 32;
  Program program(kSide, {{.name = "w", .rows = kSide, .cols = kSide}});
  const ValueId x = program.input("x", kSide, kSide);
  const ValueId y = program.linear(x, program.parameter(0));
  program.keep(y);
  const Device device = open_bf16(1);
  const auto arena = device.backend().create_arena(program.parameters(), 0);
  Values diagonal(kSide * kSide), numbers(kSide * kSide), actual(kSide * kSide);
  for (std::size_t i = 0; i < kSide; ++i) diagonal[i * kSide + i] = 1.0F;
  for (std::size_t i = 0; i < given.size(); ++i) numbers[i * kSide + i] = given[i];
  arena->write(Arena::Part::parameters, 0, diagonal);
  const auto executable = device.backend().compile(program, *arena);
  executable->write(x, numbers);
  executable->run(1);
  executable->wait();
  executable->read(y, actual);
  for (std::size_t i = 0; i < given.size(); ++i) {
    const float result = actual[i * kSide + i];
    if (std::isnan(wanted[i])) {
      EXPECT_TRUE(std::isnan(result)) << i << ": " << result;
    } else if (given[i] == 3.0e-30F) {
      EXPECT_NEAR(result, given[i], given[i] / 256);
    } else {
      EXPECT_EQ(result, wanted[i]) << i;
    }
  }
}

}  // namespace
}  // namespace minnow::testing
