#pragma once

/// What rounds of times say: pure functions.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace minnow::command {

/// Of one value or more.
double median(std::vector<double> values);
/// 1.4826 times the median absolute deviation: the standard deviation of normal values, and hardly
/// moved by an outlier. 0 for a single value.
double spread(const std::vector<double>& values);

struct Interval {
  double low = 0;
  double high = 0;
  bool holds(double value) const { return low <= value && value <= high; }
};
/// 95% of median(numerators) / median(denominators), by the bootstrap's percentiles. Round i of
/// both is drawn together: what disturbs the machine disturbs neighbours. The same values give the
/// same interval.
Interval ratio_interval(const std::vector<double>& numerators,
                        const std::vector<double>& denominators);

/// Where values lie far from the rest: 10 spreads and a tenth of the median or more. Needs 4
/// values.
std::vector<std::size_t> outliers(const std::vector<double>& values);

/// How much faster the other device is at a size. `ratio` is certain when its interval excludes 1.
struct Comparison {
  double size = 0;
  double ratio = 1;
  bool certain = true;
};

struct Crossover {
  enum class Kind : std::uint8_t {
    always,  // the other is faster at every size
    never,   // the reference is
    none,    // no difference that is certain
    from,    // the other is faster from `at` on
    up_to,   // the other is faster below `at`
    mixed,   // the other is faster at the sizes in `faster`
  };
  Kind kind = Kind::none;
  double at = 0;
  std::vector<double> faster = {};
};
/// Between the two sizes where the ratio crosses 1, log-log interpolated.
Crossover crossover(std::vector<Comparison> comparisons);

}  // namespace minnow::command
