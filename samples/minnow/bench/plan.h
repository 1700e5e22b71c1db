#pragma once

/// Which rows bench measures: a net over batch sizes, and the same net over hidden widths.

#include <minnow/layer.h>
#include <minnow/model.h>

#include <cstdint>
#include <string>
#include <vector>

#include "arguments/arguments.h"

namespace minnow::command {

inline constexpr std::int64_t kLargestSize = 1 << 24;  // no product of two overflows

/// Dense layers with ReLU between; two outputs or more tell classes apart.
struct Net {
  std::vector<std::int64_t> sizes = {};  // inputs, hidden widths, outputs

  std::int64_t inputs() const { return sizes.front(); }
  std::int64_t outputs() const { return sizes.back(); }
  bool classifier() const { return outputs() >= 2; }
  bool has_hidden() const { return sizes.size() > 2; }
  std::string text() const;  // "784-128-10"
  Net with_width(std::int64_t width) const;
  Model model(std::uint64_t seed) const;
  LossPtr loss() const;
};

struct Setting {
  Net net = {};
  std::int64_t batch = 0;
  bool operator==(const Setting& other) const {
    return net.sizes == other.net.sizes && batch == other.batch;
  }
};

enum class Grid { batch, width };
std::string name_of(Grid grid);  // "batch"

struct PlanRow {
  Grid grid = Grid::batch;
  std::int64_t size = 0;    // the batch or the width
  std::size_t setting = 0;  // both grids may hold the same one; it is measured once
};

struct Plan {
  std::vector<std::string> devices = {};
  Net net = {};
  std::int64_t base_batch = 0;  // of the width grid and of what is measured once
  std::vector<Setting> settings = {};
  std::vector<PlanRow> rows = {};
};

/// @throws UsageError for a text that says nothing that can be measured.
Plan make_plan(const BenchArguments& arguments);

}  // namespace minnow::command
