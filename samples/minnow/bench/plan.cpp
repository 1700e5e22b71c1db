#include "bench/plan.h"

#include <minnow/minnow.h>

#include <algorithm>

#include "terminal/exit_codes.h"
#include "terminal/numbers.h"

namespace minnow::command {
namespace {

constexpr std::size_t kMostDevices = 4;

std::vector<std::int64_t> parse_sizes(const std::string& option, const std::string& text,
                                      char separator, const std::string& example) {
  if (text.empty()) usage_error(option + "= is empty.", {}, example);
  std::vector<std::int64_t> sizes;
  for (const auto word : fields(text, separator)) {
    const auto size = number_of<std::int64_t>(word);
    if (!size || *size < 1 || *size > kLargestSize) {
      usage_error(cat(option, "=", text, ": \"", word, "\" is no number from 1 to ",
                      grouped(kLargestSize), "."),
                  {}, example);
    }
    sizes.push_back(*size);
  }
  return sizes;
}

Net parse_net(const std::string& text) {
  Net net{.sizes = parse_sizes("--net", text, '-', "--net=784-128-10")};
  if (net.sizes.size() < 2) {
    usage_error("--net=" + text + " has no layer: inputs and outputs are needed.", {},
                "--net=784-128-10");
  }
  return net;
}

// The names alone: bench times the opening, and a slip in the last name should not cost a run.
std::vector<std::string> parse_devices(const std::string& text) {
  const auto known = device_names();
  const std::string example = "--compare=cpu,cuda";
  if (text.empty()) usage_error("--compare= is empty.", {}, example);
  const auto parts = fields(text, ',');
  std::vector<std::string> names(parts.begin(), parts.end());
  if (names.size() > kMostDevices) {
    usage_error(cat("--compare=", text, " names ", names.size(), " devices; it takes up to ",
                    kMostDevices, "."));
  }
  for (const auto& name : names) {
    if (std::count(known.begin(), known.end(), name.substr(0, name.find(':'))) > 0) continue;
    usage_error(cat("--compare=", text, ": \"", name, "\" is no device."),
                cat("there are ", joined(known), "; cuda:1 is the second GPU"), example);
  }
  return names;
}

void add_row(Plan& plan, Grid grid, std::int64_t size, const Setting& setting) {
  const auto found = std::find(plan.settings.begin(), plan.settings.end(), setting);
  const auto index = static_cast<std::size_t>(found - plan.settings.begin());
  if (found == plan.settings.end()) plan.settings.push_back(setting);
  plan.rows.push_back({.grid = grid, .size = size, .setting = index});
}

}  // namespace

std::string Net::text() const {
  std::string text;
  for (const auto size : sizes) text += cat(text.empty() ? "" : "-", size);
  return text;
}

Net Net::with_width(std::int64_t width) const {
  Net other = *this;
  std::fill(other.sizes.begin() + 1, other.sizes.end() - 1, width);
  return other;
}

Model Net::model(std::uint64_t seed) const {
  std::vector<LayerPtr> layers;
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    layers.push_back(dense(sizes[i]));
    if (i + 1 < sizes.size()) layers.push_back(relu());
  }
  if (classifier()) layers.push_back(softmax());
  return Model(inputs(), std::move(layers), {.seed = seed});
}

LossPtr Net::loss() const { return classifier() ? cross_entropy() : mse(); }

std::string name_of(Grid grid) { return grid == Grid::batch ? "batch" : "width"; }

Plan make_plan(const BenchArguments& arguments) {
  Plan plan{.devices = parse_devices(arguments.compare),
            .net = parse_net(arguments.net),
            .base_batch = arguments.width_batch};
  for (const auto batch : parse_sizes("--batches", arguments.batches, ',', "--batches=1,32")) {
    add_row(plan, Grid::batch, batch, {.net = plan.net, .batch = batch});
  }
  if (arguments.widths == "none") return plan;
  const std::string example = "--widths=32,128, or --widths=none";
  for (const auto width : parse_sizes("--widths", arguments.widths, ',', example)) {
    if (!plan.net.has_hidden()) break;
    add_row(plan, Grid::width, width,
            {.net = plan.net.with_width(width), .batch = plan.base_batch});
  }
  return plan;
}

}  // namespace minnow::command
