#include "bench/table.h"

#include <algorithm>

#include "bench/measure.h"
#include "terminal/numbers.h"

namespace minnow::command {
namespace {

constexpr const char* kNoMemory = "no memory";

/// "0.021" and "±0.001": the second parts stand below each other.
struct Cell {
  std::string value = {};
  std::string rest = {};
};

struct Column {
  std::string over = {};  // may reach over the columns to the right
  std::string head = {};
  std::vector<Cell> cells = {};

  std::size_t value_width() const {
    std::size_t width = 0;
    for (const auto& cell : cells) {
      if (!cell.rest.empty()) width = std::max(width, columns(cell.value));
    }
    return width;
  }
  std::string text(std::size_t row) const {
    const Cell& cell = cells[row];
    return cell.rest.empty() ? cell.value : cat(padded(cell.value, value_width() + 1), cell.rest);
  }
  std::size_t width() const {
    std::size_t width = columns(head);
    for (std::size_t row = 0; row < cells.size(); ++row)
      width = std::max(width, columns(text(row)));
    return width;
  }
};

// Milliseconds; the deviation with as many decimals.
Cell time_cell(const std::vector<double>& rounds, const std::string& plus_minus) {
  const std::string value = significant(1000.0 * median(rounds), 3);
  if (rounds.size() < 2) return {.value = value};
  const auto point = value.find('.');
  const int decimals = point == std::string::npos ? 0 : static_cast<int>(value.size() - point - 1);
  return {.value = value, .rest = cat(plus_minus, fixed(1000.0 * spread(rounds), decimals))};
}

Cell speed_cell(const SpeedUp& speed, std::size_t rounds) {
  const std::string value = cat(significant(speed.ratio, 3), "x");
  if (rounds < 2) return {.value = value};
  return {.value = value,
          .rest = cat("[", significant(speed.interval.low, 3), ",",
                      significant(speed.interval.high, 3), "]")};
}

std::string difference_text(double difference) {
  return difference == 0.0 ? "0" : scientific(difference);
}

class Table {
 public:
  Table(const BenchRun& run, std::optional<std::size_t> other, const Terminal& terminal)
      : run_(run), other_(other), reference_(*run.reference()), symbols_(terminal.symbols) {
    const std::string deviation = cat("(", symbols_.plus_minus, symbols_.sigma, ")");
    columns_.push_back({run.devices[reference_].name, cat("ms/step ", deviation)});
    if (other) {
      columns_.push_back({cat(run.devices[*other].name, ", ms/step"), "kernels"});
      columns_.push_back({"", "data resident"});
      columns_.push_back({"", cat("with transfers ", deviation)});
      columns_.push_back({"speed-up with", "transfers [95% CI]"});
      columns_.push_back({cat("max|", symbols_.delta, "| after"), cat(kComparedSteps, " steps")});
    }
    for (const auto& row : run.plan.rows) {
      if (run.measured(row)) add(row);
    }
  }

  std::string text() const {
    std::string over;
    std::string heads = right_aligned("batch", label_width_);
    std::size_t at = label_width_;
    for (const auto& column : columns_) {
      over = padded(over, at + 3) + column.over;
      heads = padded(heads, at + 3) + column.head;
      at += 3 + column.width();
    }
    std::string lines = over + "\n";
    for (std::size_t row = 0; row < labels_.size(); ++row) {
      if (row == 0 && grids_[row] == Grid::batch) lines += heads + "\n";
      if (grids_[row] == Grid::width && (row == 0 || grids_[row - 1] == Grid::batch)) {
        lines += cat(right_aligned("width", label_width_), heads.substr(label_width_),
                     "   at batch ", run_.plan.base_batch, "\n");
      }
      lines += line(row) + "\n";
    }
    return lines;
  }

 private:
  std::string line(std::size_t row) const {
    std::string line = right_aligned(labels_[row], label_width_);
    std::size_t at = label_width_;
    for (const auto& column : columns_) {
      if (!column.text(row).empty()) line = padded(line, at + 3) + column.text(row);
      at += 3 + column.width();
    }
    return line;
  }

  void add(const PlanRow& row) {
    labels_.push_back(std::to_string(row.size));
    label_width_ = std::max(label_width_, labels_.back().size() + 1);
    grids_.push_back(row.grid);
    for (auto& column : columns_) column.cells.emplace_back();
    const StepTimes& reference = run_.of(row, reference_);
    columns_[0].cells.back() = reference.failure
                                   ? Cell{.value = kNoMemory}
                                   : time_cell(reference.transfers, symbols_.plus_minus);
    if (!other_) return;
    const StepTimes& times = run_.of(row, *other_);
    if (times.failure) {
      columns_[1].cells.back() = {.value = kNoMemory};
      return;
    }
    const double kernels = 1000.0 * median(times.kernels);
    columns_[1].cells.back() = {.value = kernels > 0.0 ? significant(kernels, 3) : "-"};
    columns_[2].cells.back() = {.value = significant(1000.0 * median(times.resident), 3)};
    columns_[3].cells.back() = time_cell(times.transfers, symbols_.plus_minus);
    if (const auto speed = speed_up(reference, times)) {
      columns_[4].cells.back() = speed_cell(*speed, times.transfers.size());
    }
    if (times.difference) columns_[5].cells.back() = {.value = difference_text(*times.difference)};
  }

  const BenchRun& run_;
  std::optional<std::size_t> other_;
  std::size_t reference_;
  const Symbols& symbols_;
  std::vector<std::string> labels_;
  std::size_t label_width_ = 6;
  std::vector<Grid> grids_;
  std::vector<Column> columns_;
};

}  // namespace

std::string bench_table(const BenchRun& run, std::optional<std::size_t> other,
                        const Terminal& terminal) {
  return Table(run, other, terminal).text();
}

}  // namespace minnow::command
