// How far the elementary functions and the activations are from double precision, over floats of
// all sizes and both signs, as they are compiled here, for each instruction set, and on each
// device.

#include <minnow/elementary.h>

#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "devices.h"
#include "functions.h"
#include "with_isa.h"

namespace minnow::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kLeastNormal = std::numeric_limits<float>::min();
constexpr float kLeast = std::numeric_limits<float>::denorm_min();
constexpr std::int64_t kCols = 1024;

/// 4,000 floats of each size and sign, the infinities, and whole rows of kCols.
std::vector<float> floats_of_all_sizes() {
  std::vector<float> all;
  for (const float x : {0.0F, 1.0F, kLeast, kLeastNormal, kLargest, kInfinity}) {
    all.push_back(x);
    all.push_back(-x);
  }
  for (std::uint64_t bits = 0; bits <= UINT32_MAX; bits += 2039) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isfinite(x)) all.push_back(x);
  }
  while (all.size() % kCols != 0) all.push_back(0.5F);
  return all;
}
const std::vector<float>& points() {
  static const std::vector<float> all = floats_of_all_sizes();
  return all;
}

/// The distance of a float from the next one.
double ulp_of(double value) {
  int exponent = 0;
  std::frexp(std::max(std::abs(value), static_cast<double>(kLeastNormal)), &exponent);
  return std::ldexp(1.0, exponent - 24);
}

/// The largest error of what was computed at x. A result that is too small to be a normal float, or
/// than `floor`, may be zero.
class Error {
 public:
  explicit Error(double floor) : floor_(floor) {}

  void add(float x, float actual, double expected, double ulp) {
    const auto nearest = static_cast<float>(expected);
    if (!std::isfinite(nearest)) {
      const bool same = std::isnan(nearest) ? std::isnan(actual) : actual == nearest;
      if (!same) worse(kInfinity, x);
      return;
    }
    const double error = std::abs(actual - expected);
    // Also true of a NaN.
    if (!(error <= floor_)) worse(std::isnan(error) ? kInfinity : error / ulp, x);
  }
  double ulps() const { return ulps_; }
  std::string text() const {
    return std::to_string(ulps_) + " ulp at " + std::to_string(at_) + " (" +
           std::to_string(std::bit_cast<std::uint32_t>(at_)) + ")";
  }

 private:
  void worse(double ulps, float x) {
    if (ulps <= ulps_) return;
    ulps_ = ulps;
    at_ = x;
  }

  double floor_;
  double ulps_ = 0;
  float at_ = 0;
};

struct Function {
  const char* name;
  float (*value)(float);
  double (*exact)(double);
  double ulp;  // as elementary.h says
  float low = -kInfinity;
  float high = kInfinity;
};

TEST(Elementary, FunctionsAreAsExactAsTheirHeaderSays) {
  const Function functions[] = {
      {"exp", [](float x) { return elementary::exp(x); }, [](double x) { return std::exp(x); }, 2,
       -kInfinity, 88},
      {"expm1", [](float x) { return elementary::expm1(x); },
       [](double x) { return std::expm1(x); }, 1, -kInfinity, 0},
      {"log1p", [](float x) { return elementary::log1p(x); },
       [](double x) { return std::log1p(x); }, 2, 0, 1},
      {"tanh", [](float x) { return elementary::tanh(x); }, [](double x) { return std::tanh(x); },
       3},
      {"logistic", [](float x) { return elementary::logistic(x); },
       [](double x) { return 1 / (1 + std::exp(-x)); }, 3},
      {"density", [](float x) { return elementary::normal(x).density; },
       [](double x) { return std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }, 3},
      {"integral", [](float x) { return elementary::normal(x).integral; },
       [](double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }, 7},
  };
  for (const Function& function : functions) {
    Error error(kLeastNormal);
    for (const float x : points()) {
      if (x < function.low || x > function.high) continue;
      const double exact = function.exact(x);
      error.add(x, function.value(x), exact, ulp_of(exact));
    }
    EXPECT_LE(error.ulps(), function.ulp) << function.name << ": " << error.text();
    EXPECT_TRUE(std::isnan(function.value(NAN))) << function.name;
  }
}

/// An activation at all points in double precision.
struct Exact {
  explicit Exact(const Activation& f) : activation(f) {
    visit_activation(f.kind, Activations{}, [&](auto formula) {
      for (const float x : points()) {
        const double value = formula.value(static_cast<double>(x), f.parameter);
        values.push_back(value);
        slopes.push_back(formula.slope(
            saved_by(f.kind) == Saved::input ? static_cast<double>(x) : value, f.parameter));
      }
    });
  }

  void expect(std::span<const float> actual, std::span<const float> actual_slopes) const {
    Error value(0x1p-119), slope(0x1p-119);
    const double least = std::max(1.0, static_cast<double>(activation.parameter));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float x = points()[i];
      value.add(x, actual[i], values[i], ulp_of(values[i]));
      // Denormals count as zero, where some have a kink.
      if (std::isinf(x) || std::abs(x) < kLeastNormal) continue;
      slope.add(x, actual_slopes[i], slopes[i], ulp_of(std::max(least, std::abs(slopes[i]))));
    }
    const ActivationTraits& traits =
        kActivations.entries[static_cast<std::size_t>(activation.kind)];
    EXPECT_LE(value.ulps(), traits.ulp) << "value: " << value.text();
    EXPECT_LE(slope.ulps(), 3) << "slope: " << slope.text();
  }

  Activation activation;
  std::vector<double> values;
  std::vector<double> slopes;
};

TEST(Elementary, ActivationsCompiledHere) {
  for (const Activation& f : all_activations()) {
    SCOPED_TRACE(text_of(f));
    std::vector<float> values, slopes;
    visit_activation(f.kind, Activations{}, [&](auto formula) {
      for (const float x : points()) {
        values.push_back(formula.value(x, f.parameter));
        slopes.push_back(
            formula.slope(saved_by(f.kind) == Saved::input ? x : values.back(), f.parameter));
      }
    });
    Exact(f).expect(values, slopes);
  }
}

class ActivationsOnDevice : public OnDevice {
 protected:
  /// The device, or the CPU with each instruction set that the processor has.
  std::vector<Device> devices() const {
    if (GetParam() != "cpu") return {device()};
    std::vector<Device> all;
    for (const char* isa : {"v1", "v3", "v4"}) {
      if (auto found = open_with_isa(isa)) all.push_back(*std::move(found));
    }
    return all;
  }

  static std::vector<float> run(Backend& backend, const Program& program, ValueId input,
                                std::span<const float> x, ValueId output) {
    const auto arena = backend.create_arena({}, 0);
    const auto executable = backend.compile(program, *arena);
    executable->write(input, x);
    for (const Value& value : program.values()) {
      if (value.name != "dy") continue;
      executable->write(static_cast<ValueId>(&value - program.values().data()),
                        std::vector<float>(x.size(), 1.0F));
    }
    executable->run(1);
    executable->wait();
    std::vector<float> y(x.size());
    executable->read(output, y);
    return y;
  }
};

TEST_P(ActivationsOnDevice, AreAsExactAsTheirTableSays) {
  const std::vector<Device> all = devices();
  ASSERT_FALSE(all.empty());
  const auto rows = static_cast<std::int64_t>(points().size()) / kCols;
  for (const Activation& f : all_activations()) {
    const Exact exact(f);
    Program forward(rows, {}), backward(rows, {});
    const ValueId x = forward.input("x", rows, kCols);
    const ValueId y = forward.activate(f, x);
    forward.keep(y);
    const ValueId saved = backward.input("saved", rows, kCols);
    const ValueId slope =
        backward.activate_grad(f, backward.input("dy", rows, kCols), saved, saved);
    backward.keep(slope);
    for (const Device& device : all) {
      SCOPED_TRACE(text_of(f) + " on " + device.info().description);
      const std::vector<float> values = run(device.backend(), forward, x, points(), y);
      const bool by_input = saved_by(f.kind) == Saved::input;
      exact.expect(values, run(device.backend(), backward, saved,
                               by_input ? std::span<const float>(points()) : values, slope));
    }
  }
}

TEST_P(ActivationsOnDevice, LeaveANanANan) {
  for (const Activation& f : all_activations()) {
    Program program(1, {});
    const ValueId x = program.input("x", 1, 3);
    const ValueId y = program.activate(f, x);
    program.keep(y);
    for (const Device& device : devices()) {
      const std::vector<float> given{1.0F, NAN, -1.0F};
      const std::vector<float> values = run(device.backend(), program, x, given, y);
      EXPECT_TRUE(std::isfinite(values[0]) && std::isfinite(values[2])) << text_of(f);
      EXPECT_TRUE(std::isnan(values[1])) << text_of(f) << " on " << device.info().description;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, ActivationsOnDevice, all_devices(), device_name);

}  // namespace
}  // namespace minnow::testing
