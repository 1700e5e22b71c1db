#include "data/inputs.h"

#include <minnow/minnow.h>

#include <filesystem>

#include "data/dataset.h"
#include "terminal/exit_codes.h"

namespace minnow::command {
namespace {

std::string scaling_of(const InputTransform& transform) {
  if (transform.offset.size() > 1 || transform.scale.size() > 1) return "standardized";
  const float offset = transform.offset.empty() ? 0.0F : transform.offset.front();
  const float scale = transform.scale.empty() ? 1.0F : transform.scale.front();
  if (offset == 0.0F && scale == 1.0F) return {};
  if (offset == 0.0F && scale == 1.0F / 255.0F) return "scaled by 1/255";
  return "scaled";
}

// A name for a directory, from a file's.
std::string stem_of(const std::string& path) {
  std::string stem = std::filesystem::path(path).filename().string();
  stem = stem.substr(0, stem.find('.'));
  for (char& letter : stem) {
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                       (letter >= '0' && letter <= '9') || letter == '_' || letter == '-';
    if (!plain) letter = '_';
  }
  return stem.empty() || stem.front() == '-' ? "data" + stem : stem;
}

Inputs load_named(const DataArguments& arguments) {
  Dataset data = load_dataset(arguments.dataset, arguments.seed);
  return {.name = arguments.dataset,
          .x = std::move(data.x_train),
          .y = std::move(data.y_train),
          .test_x = std::move(data.x_test),
          .test_y = std::move(data.y_test),
          .classes = data.classes,
          .transform = data.transform};
}

Inputs load_files(const DataArguments& arguments) {
  Inputs inputs{.name = stem_of(arguments.x), .from_files = true};
  inputs.x = read_features("--x", arguments.x);
  inputs.y = read_file("--y", arguments.y);
  if (!arguments.test_x.empty()) {
    inputs.test_x = read_features("--test-x", arguments.test_x);
    inputs.test_y = read_file("--test-y", arguments.test_y);
  }
  if (arguments.standardize) {
    inputs.transform = standardize(inputs.x);
  } else if (inputs.x.dtype() == DType::u8) {
    inputs.transform.scale = {1.0F / 255.0F};
  }
  return inputs;
}

}  // namespace

Tensor read_file(const std::string& option, const std::string& path) {
  if (path.ends_with(".npy")) return read_npy(path);
  if (path.ends_with(".csv") || path.ends_with(".csv.gz")) return read_csv(path);
  if (path.ends_with("-ubyte") || path.ends_with("-ubyte.gz")) return read_idx(path);
  usage_error(option + "=" + path + " is of no type that minnow reads.", {},
              ".npy, .csv, .csv.gz, or IDX with a name that ends in -ubyte or -ubyte.gz");
}

Tensor read_features(const std::string& option, const std::string& path) {
  Tensor x = read_file(option, path);
  return x.dtype() == DType::u8 ? x : x.to(DType::f32);
}

Inputs load_inputs(const DataArguments& arguments) {
  Inputs inputs = arguments.dataset.empty() ? load_files(arguments) : load_named(arguments);
  inputs.scaling = scaling_of(inputs.transform);
  inputs.outputs = inputs.classes > 0  ? inputs.classes
                   : inputs.from_files ? 0
                                       : inputs.y.shape().row_elements();
  return inputs;
}

}  // namespace minnow::command
