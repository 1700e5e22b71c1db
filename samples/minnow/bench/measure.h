#pragma once

/// Times training steps of one setting on several devices: measuring alone, nothing is shown.

#include <minnow/backend.h>
#include <minnow/optimizers.h>

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "bench/random_data.h"
#include "bench/result.h"

namespace minnow::command {

/// Steps after which the weights of the devices are compared.
inline constexpr int kComparedSteps = 100;

struct MeasureOptions {
  OptimizerPtr optimizer = adam();
  std::int64_t rounds = 7;
  double round_seconds = 0.2;
  std::uint64_t seed = 1;
  std::stop_token stop = {};
  std::function<void(std::int64_t round)> on_round = {};
};

/// Thrown when a stop was requested: what was being measured is void.
struct Stopped {};

/// By device; a device that is not there has empty times, one without enough memory a failure.
/// @throws Stopped, UsageError (sizes that overflow), DeviceError, NumericError.
std::vector<StepTimes> measure(const Setting& setting,
                               const std::vector<std::optional<Device>>& devices, RandomData& data,
                               const MeasureOptions& options);

/// The first step of a device that was just opened, and one epoch, each with the making of the
/// trainer; seconds. @throws as measure() does, and ResourceExhausted.
struct FirstUse {
  double step = 0;
  double epoch = 0;
  std::string explanation = {};  // what the step became
};
FirstUse first_use(const Device& device, const Setting& setting, std::int64_t rows,
                   RandomData& data, const MeasureOptions& options);

/// Of any weight of one list from the same one of the other; NaN when one is not a number.
double largest_difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b);

}  // namespace minnow::command
