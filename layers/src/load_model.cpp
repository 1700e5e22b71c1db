#include <minnow/base/text.h>
#include <minnow/error.h>
#include <minnow/layers.h>
#include <minnow/model_file.h>

#include <cmath>
#include <utility>

namespace minnow {

Model load_model(const std::string& path) {
  return read_model(
      path, [](std::string_view type, const std::map<std::string, double>& config) -> LayerPtr {
        const auto entry = [&](const char* key, double otherwise) {
          const auto found = config.find(key);
          return found == config.end() ? otherwise : found->second;
        };
        if (type == "dense") {
          const double units = entry("units", 0);
          if (units != std::floor(units) || !(std::abs(units) < 0x1p53)) {
            throw InvalidArgument(
                {.code = "MN-U01",
                 .what = cat("a dense layer of ", units, " units cannot be made.")});
          }
          return dense(static_cast<std::int64_t>(units), {.bias = entry("bias", 1) != 0});
        }
        if (type == "softmax") return softmax();
        auto function = parse_activation(type);
        if (!function) return nullptr;
        function->parameter = static_cast<float>(entry("parameter", function->parameter));
        return activation(*std::move(function));
      });
}

}  // namespace minnow
