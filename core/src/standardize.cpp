#include <minnow/base/text.h>
#include <minnow/error.h>
#include <minnow/standardize.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace minnow {

InputTransform standardize(const Tensor& x) {
  if (x.empty()) {
    throw InvalidArgument(
        {.code = "MN-N07", .what = cat("data of shape ", x.shape().str(), " has no rows.")});
  }
  const std::int64_t rows = x.shape().rows();
  const auto width = static_cast<std::size_t>(x.shape().row_elements());
  const Tensor floats = x.to(DType::f32);
  const auto values = floats.data<float>();
  InputTransform transform{.offset = std::vector<float>(width), .scale = std::vector<float>(width)};
  for (std::size_t feature = 0; feature < width; ++feature) {
    double sum = 0.0;
    bool constant = true;
    for (std::size_t i = feature; i < values.size(); i += width) {
      if (!std::isfinite(values[i])) {
        throw InvalidArgument(
            {.code = "MN-N04",
             .what = cat("row ", i / width, ", column ", feature, " is ", values[i],
                         ": a feature with it cannot be standardized.")});
      }
      sum += values[i];
      constant = constant && values[i] == values[feature];
    }
    const double mean = sum / static_cast<double>(rows);
    double squares = 0.0;
    for (std::size_t i = feature; i < values.size(); i += width) {
      squares += (values[i] - mean) * (values[i] - mean);
    }
    const double deviation = std::sqrt(squares / static_cast<double>(rows));
    const auto scale = static_cast<float>(1.0 / deviation);
    transform.offset[feature] = constant ? values[feature] : static_cast<float>(mean);
    transform.scale[feature] = constant || !std::isfinite(scale) ? 1.0F : scale;
  }
  return transform;
}

}  // namespace minnow
