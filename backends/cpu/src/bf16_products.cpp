#include "bf16_products.h"

#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "layout.h"
#include "tasks.h"

namespace minnow::cpu {
namespace {

constexpr std::int64_t kMinSide = 32;

struct Sides {
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t depth;
};

/// All zero: the op is no product.
Sides sides_of(const Program& program, const Op& op) {
  if (!is_product(op.kind)) return {0, 0, 0};
  const std::int64_t rows = program.value(op.inputs[0]).rows;
  const Panels weight = panels_of(program, op);
  if (op.kind == OpKind::linear_weight_grad) return {weight.inputs, weight.outputs, rows};
  if (op.kind == OpKind::linear_input_grad) return {rows, weight.inputs, weight.outputs};
  return {rows, weight.outputs, weight.inputs};
}

constexpr std::int64_t in_lines(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

std::string purpose_of(std::int64_t rows, std::int64_t depth) {
  return cat("a bf16 product of ", rows, " rows, ", kBf16Cols, " columns and depth ", depth);
}

/// Calls f(rows, depth) for each shape of unit that a program has, once.
template <class Function>
void for_shapes(const Program& program, Function f) {
  std::vector<std::pair<std::int64_t, std::int64_t>> shapes;
  for (const Op& op : program.ops()) {
    if (!runs_in_bf16(program, op)) continue;
    const Bf16Size size = bf16_size(program, op);
    shapes.emplace_back(size.unit_rows(0), size.depth);
    shapes.emplace_back(size.unit_rows(size.row_blocks() - 1), size.depth);
  }
  std::sort(shapes.begin(), shapes.end());
  shapes.erase(std::unique(shapes.begin(), shapes.end()), shapes.end());
  for (const auto& [rows, depth] : shapes) f(rows, depth);
}

}  // namespace

bool runs_in_bf16(const Program& program, const Op& op) {
  const Sides sides = sides_of(program, op);
  return std::min({sides.rows, sides.cols, sides.depth}) >= kMinSide;
}

Bf16Size bf16_size(const Program& program, const Op& op) {
  const Sides sides = sides_of(program, op);
  return {sides.rows, sides.cols, (sides.depth + 31) / 32 * 32};
}

void throw_onednn(const OnednnAnswer& answer, const std::string& purpose) {
  if (answer.out_of_memory) {
    throw ResourceExhausted({.code = "MN-M08",
                             .what = cat("not enough host memory for ", purpose, "."),
                             .evidence = cat(answer.call, " answered ", answer.status),
                             .remedy = "give a smaller batch or model, or less data at a time"},
                            0);
  }
  throw DeviceError({.code = "MN-K06",
                     .what = cat("oneDNN failed at ", purpose, "."),
                     .evidence = cat(answer.call, " answered ", answer.status),
                     .remedy = "train with --precision=fp32, which needs no oneDNN"},
                    answer.call, answer.status, false);
}

Bf16Products::Layout Bf16Products::layout(const OnednnPlugin& onednn, const Program& program,
                                          int workers) {
  std::int64_t a = 0, b = 0, unit = 0, onednn_bytes = 0;
  for (const Op& op : program.ops()) {
    if (!runs_in_bf16(program, op)) continue;
    const Bf16Size size = bf16_size(program, op);
    a = std::max(a, in_lines(size.rows * size.depth * 2));
    b = std::max(b, size.panels() * kBf16Cols * size.depth * 2);
    unit = std::max(unit, size.unit_rows(0) * kBf16Cols * 4);
    if (op.kind == OpKind::linear_input_grad) {
      unit = std::max(unit, padded(size.depth) * kBf16Cols * 4);
    }
  }
  for_shapes(program, [&](std::int64_t rows, std::int64_t depth) {
    std::int64_t bytes = 0;
    const OnednnAnswer answer = onednn.workspace_bytes({rows, depth}, &bytes);
    if (answer.call != nullptr) throw_onednn(answer, purpose_of(rows, depth));
    onednn_bytes = std::max(onednn_bytes, in_lines(bytes));
  });
  const std::int64_t per_thread = unit + onednn_bytes;
  return {.b = a,
          .threads = a + b,
          .bytes_per_thread = per_thread,
          .onednn_at = unit,
          .bytes = a + b + workers * per_thread};
}

Bf16Products::Bf16Products(const OnednnPlugin& onednn, const Program& program, int workers,
                           std::byte* workspace)
    : onednn_(onednn), layout_(layout(onednn, program, workers)), workspace_(workspace) {
  for_shapes(program, [&](std::int64_t rows, std::int64_t depth) {
    OnednnProduct* made = nullptr;
    const OnednnAnswer answer = onednn.create({rows, depth}, workers, &made);
    if (answer.call != nullptr) throw_onednn(answer, purpose_of(rows, depth));
    std::unique_ptr<OnednnProduct, Destroy> owned(made, Destroy{onednn.destroy});
    products_.emplace(Key{rows, depth}, std::move(owned));
  });
}

OnednnProduct* Bf16Products::product(const Bf16Size& size, std::int64_t block) const {
  return products_.at({size.unit_rows(block), size.depth}).get();
}

float* Bf16Products::unit(int worker) const {
  return reinterpret_cast<float*>(workspace_ + layout_.threads + worker * layout_.bytes_per_thread);
}

void Bf16Products::run(OnednnProduct* product, int worker, const std::uint16_t* a,
                       const std::uint16_t* b, std::int64_t rows) noexcept {
  float* c = unit(worker);
  std::byte* own = reinterpret_cast<std::byte*>(c) + layout_.onednn_at;
  const OnednnAnswer answer = onednn_.run(product, worker, a, b, c, own);
  if (answer.call == nullptr) return;
  std::fill_n(c, rows * kBf16Cols, std::numeric_limits<float>::quiet_NaN());
  if (!failed_.exchange(true)) answer_ = answer;
}

void Bf16Products::throw_failure() {
  if (failed_.exchange(false)) throw_onednn(answer_, "a bf16 product of this step");
}

std::string Bf16Products::version() const { return cat("oneDNN ", onednn_.version()); }

std::string Bf16Products::implementation(const Program& program, const Op& op) const {
  return onednn_.implementation(product(bf16_size(program, op), 0));
}

}  // namespace minnow::cpu
