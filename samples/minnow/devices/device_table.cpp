#include "devices/device_table.h"

#include <algorithm>
#include <array>

#include "devices/device_facts.h"
#include "terminal/numbers.h"
#include "terminal/printable.h"

namespace minnow::command {
namespace {

constexpr std::string_view kUnknown = "-";

std::string memory_number(std::int64_t bytes) {
  return bytes < 0 ? std::string(kUnknown) : gigabytes(bytes);
}

// "78.6 / 79.2 GiB", with the numbers of all rows below each other.
std::vector<std::string> memory_column(const std::vector<DeviceFact>& devices) {
  std::size_t free_width = 0;
  std::size_t total_width = 0;
  for (const auto& device : devices) {
    free_width = std::max(free_width, memory_number(device.memory_free).size());
    total_width = std::max(total_width, memory_number(device.memory_total).size());
  }
  std::vector<std::string> cells;
  for (const auto& device : devices) {
    const bool known = device.memory_free >= 0 || device.memory_total >= 0;
    cells.push_back(known ? cat(right_aligned(memory_number(device.memory_free), free_width), " / ",
                                right_aligned(memory_number(device.memory_total), total_width),
                                " GiB")
                          : std::string(kUnknown));
  }
  return cells;
}

std::string usable_cell(const DeviceFact& device, const DeviceReport& report) {
  if (!device.usable) return cat("no", device.reason.empty() ? "" : ": ", brief(device.reason));
  return &device == find_device(report, report.auto_device) ? "yes (what auto picks)" : "yes";
}

}  // namespace

std::string devices_text(const DeviceReport& report, const Terminal& terminal) {
  using Row = std::array<std::string, 6>;
  std::vector<Row> rows = {
      {"NAME", "KIND", "DESCRIPTION", "MEMORY free/total", "COMPUTE", "USABLE"}};
  const auto memory = memory_column(report.devices);
  for (std::size_t i = 0; i < report.devices.size(); ++i) {
    const DeviceFact& device = report.devices[i];
    Row row = {device.name, device.kind,    device.description,
               memory[i],   device.compute, usable_cell(device, report)};
    for (auto& cell : row) cell = printable(cell.empty() ? kUnknown : cell, terminal.utf8);
    rows.push_back(std::move(row));
  }
  std::array<std::size_t, 6> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      widths[i] = std::max(widths[i], columns(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) text += padded(row[i], widths[i] + 3);
    text += row.back() + "\n";
  }
  return text;
}

}  // namespace minnow::command
