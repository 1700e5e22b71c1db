#include <minnow/layers.h>
#include <minnow/model_file.h>

namespace minnow {

Model load_model(const std::string& path) {
  return read_model(
      path,
      [](std::string_view type, const std::map<std::string, std::int64_t>& config) -> LayerPtr {
        const auto entry = [&](const char* key, std::int64_t otherwise) {
          const auto found = config.find(key);
          return found == config.end() ? otherwise : found->second;
        };
        if (type == "dense") return dense(entry("units", 0), {.bias = entry("bias", 1) != 0});
        if (type == "relu") return relu();
        if (type == "softmax") return softmax();
        return nullptr;
      });
}

}  // namespace minnow
