#include "bench/statistics.h"

#include <minnow/random.h>

#include <algorithm>
#include <cmath>

namespace minnow::command {
namespace {

constexpr double kToDeviation = 1.4826;  // of a normal distribution: 1 / 0.6745
constexpr std::uint64_t kResamples = 10'000;
constexpr std::uint64_t kSeed = 95;

double percentile(std::vector<double> values, double part) {
  const auto at =
      static_cast<std::ptrdiff_t>(std::llround(part * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

int sign(const Comparison& comparison) {
  if (!comparison.certain || comparison.ratio == 1.0) return 0;
  return comparison.ratio > 1.0 ? 1 : -1;
}

double between(const Comparison& a, const Comparison& b) {
  const double left = std::log(a.ratio);
  const double right = std::log(b.ratio);
  const double part = left == right ? 0.5 : left / (left - right);
  return std::exp(std::log(a.size) + part * (std::log(b.size) - std::log(a.size)));
}

// In begin..end, whose ends lie on either side of 1; what is between is uncertain.
double crossing(const std::vector<Comparison>& sorted, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if ((sorted[i].ratio - 1.0) * (sorted[i + 1].ratio - 1.0) <= 0.0) {
      return between(sorted[i], sorted[i + 1]);
    }
  }
  return std::sqrt(sorted[begin].size * sorted[end].size);
}

}  // namespace

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2.0;
}

double spread(const std::vector<double>& values) {
  const double center = median(values);
  std::vector<double> deviations;
  for (const double value : values) deviations.push_back(std::fabs(value - center));
  return kToDeviation * median(deviations);
}

Interval ratio_interval(const std::vector<double>& numerators,
                        const std::vector<double>& denominators) {
  const std::size_t count = std::min(numerators.size(), denominators.size());
  std::vector<double> ratios;
  std::vector<double> above(count);
  std::vector<double> below(count);
  for (std::uint64_t resample = 0; resample < kResamples; ++resample) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto word = random_words(kSeed, resample, i).word[0];
      const auto round = static_cast<std::size_t>((std::uint64_t{word} * count) >> 32);
      above[i] = numerators[round];
      below[i] = denominators[round];
    }
    ratios.push_back(median(above) / median(below));
  }
  return {.low = percentile(ratios, 0.025), .high = percentile(ratios, 0.975)};
}

std::vector<std::size_t> outliers(const std::vector<double>& values) {
  std::vector<std::size_t> found;
  if (values.size() < 4) return found;
  const double center = median(values);
  const double far = std::max(10.0 * spread(values), 0.1 * center);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::fabs(values[i] - center) > far) found.push_back(i);
  }
  return found;
}

Crossover crossover(std::vector<Comparison> comparisons) {
  std::sort(comparisons.begin(), comparisons.end(),
            [](const Comparison& a, const Comparison& b) { return a.size < b.size; });
  Crossover result;
  std::vector<std::size_t> certain;
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    if (sign(comparisons[i]) != 0) certain.push_back(i);
    if (sign(comparisons[i]) > 0) result.faster.push_back(comparisons[i].size);
  }
  if (certain.empty()) return result;
  std::vector<std::size_t> changes;  // positions in `certain` before which the winner changes
  for (std::size_t i = 1; i < certain.size(); ++i) {
    if (sign(comparisons[certain[i - 1]]) != sign(comparisons[certain[i]])) changes.push_back(i);
  }
  if (changes.size() == 1) {
    const std::size_t i = changes.front();
    result.kind =
        sign(comparisons[certain[i]]) > 0 ? Crossover::Kind::from : Crossover::Kind::up_to;
    result.at = crossing(comparisons, certain[i - 1], certain[i]);
  } else if (changes.empty() && certain.size() == comparisons.size()) {
    result.kind = result.faster.empty() ? Crossover::Kind::never : Crossover::Kind::always;
  } else {
    result.kind = Crossover::Kind::mixed;
  }
  return result;
}

}  // namespace minnow::command
