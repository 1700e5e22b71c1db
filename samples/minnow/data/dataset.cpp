#include "data/dataset.h"

#include <minnow/error.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include "data/fashion_mnist.h"
#include "data/made_data.h"
#include "data/table.h"
#include "terminal/exit_codes.h"
#include "terminal/numbers.h"
#include "terminal/printable.h"

namespace minnow::command {
namespace {

using Paths = std::vector<std::string>;

/// All there is to know of a data set.
struct Source {
  DatasetInfo info;
  Paths files;
  std::function<Dataset(const Paths& paths, std::uint64_t seed)> read;
};

Source made(const std::string& name, Dataset (*make)(std::uint64_t seed)) {
  return {{name, ""}, {}, [make](const Paths&, std::uint64_t seed) { return make(seed); }};
}

Source fashion_mnist() {
  Paths files;
  for (const auto* part : {"train", "t10k"}) {
    for (const auto* content : {"-images-idx3-ubyte.gz", "-labels-idx1-ubyte.gz"}) {
      files.push_back(cat("/usr/share/datasets/fashion-mnist/", part, content));
    }
  }
  return {{"fashion-mnist", "dataset-fashion-mnist"},
          std::move(files),
          [](const Paths& paths, std::uint64_t) { return read_fashion_mnist(paths); }};
}

std::string of_sklearn(const std::string& file) {
  return cat("/usr/lib/python3/dist-packages/sklearn/datasets/data/", file);
}

Source classes_of_sklearn(const Table& table, const std::string& file) {
  return {{table.name, "python3-sklearn"},
          {of_sklearn(file)},
          [table](const Paths& paths, std::uint64_t seed) {
            return read_classes(table, paths[0], seed);
          }};
}

Source values_of_sklearn(const Table& table, const std::string& file, const std::string& target) {
  return {{table.name, "python3-sklearn"},
          {of_sklearn(file), of_sklearn(target)},
          [table](const Paths& paths, std::uint64_t seed) {
            return read_values(table, paths[0], paths[1], seed);
          }};
}

const std::vector<Source>& sources() {
  static const std::vector<Source> kSources = {
      fashion_mnist(),
      classes_of_sklearn({"digits", 64, 10}, "digits.csv.gz"),
      classes_of_sklearn({"iris", 4, 3}, "iris.csv"),
      classes_of_sklearn({"wine", 13, 3}, "wine_data.csv"),
      classes_of_sklearn({"breast_cancer", 30, 2}, "breast_cancer.csv"),
      values_of_sklearn({"diabetes", 10, 0}, "diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"),
      made("friedman1", make_friedman1),
      made("toy", make_toy)};
  return kSources;
}

const Source& source_of(const std::string& name) {
  const auto found =
      std::ranges::find(sources(), name, [](const Source& source) { return source.info.name; });
  if (found != sources().end()) return *found;
  usage_error(cat("there is no data set named \"", printable(name, false), "\"."), {},
              cat("use one of ", dataset_names()));
}

void require_installed(const DatasetInfo& info, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR)) return;
  throw InvalidArgument({.code = "MN-P09",
                         .what = cat("data set \"", info.name, "\" is not installed."),
                         .evidence = cat(path, " does not exist"),
                         .remedy = cat("sudo apt-get install ", info.package)});
}

}  // namespace

const std::vector<DatasetInfo>& dataset_infos() {
  static const std::vector<DatasetInfo> kInfos = [] {
    std::vector<DatasetInfo> infos;
    for (const auto& source : sources()) infos.push_back(source.info);
    return infos;
  }();
  return kInfos;
}

std::string dataset_names() {
  std::vector<std::string> names;
  for (const auto& source : sources()) names.push_back(source.info.name);
  return joined(names);
}

Dataset load_dataset(const std::string& name, std::uint64_t seed, const std::string& root) {
  const Source& source = source_of(name);
  Paths paths;
  for (const auto& file : source.files) {
    paths.push_back(root + file);
    require_installed(source.info, paths.back());
  }
  return source.read(paths, seed);
}

bool dataset_installed(const std::string& name, const std::string& root) {
  return std::ranges::all_of(source_of(name).files, [&root](const std::string& file) {
    return ::access((root + file).c_str(), R_OK) == 0;
  });
}

}  // namespace minnow::command
