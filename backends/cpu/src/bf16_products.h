#pragma once

// Products with bf16 factors, through oneDNN. A product C (m x n) = A (m x k) B (k x n) becomes two
// tasks: the factors are rounded into a workspace that all such products share, each number once;
// then units of up to 256 rows x 32 columns are computed, whatever the number of threads.

#include <minnow/backend.h>

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "onednn_plugin.h"

namespace minnow::cpu {

/// Whether an op is a product that is large enough: below, fp32 in the tiles is as fast.
bool runs_in_bf16(const Program& program, const Op& op);

/// C (rows x cols) of an op's product, and the depth that oneDNN sums over.
struct Bf16Size {
  static constexpr std::int64_t kUnitRows = 256;

  std::int64_t rows;
  std::int64_t cols;
  std::int64_t depth;  // a multiple of 32

  std::int64_t panels() const { return (cols + kBf16Cols - 1) / kBf16Cols; }
  std::int64_t row_blocks() const { return (rows + kUnitRows - 1) / kUnitRows; }
  std::int64_t unit_rows(std::int64_t block) const {
    const std::int64_t left = rows - block * kUnitRows;
    return left < kUnitRows ? left : kUnitRows;
  }
};
Bf16Size bf16_size(const Program& program, const Op& op);

/// The compiled products of an executable, and its workspace.
class Bf16Products {
 public:
  /// Where in the workspace what lies, in bytes; multiples of 64.
  struct Layout {
    std::int64_t b;                 // the second factor; the first begins at 0
    std::int64_t threads;           // the first thread's own part
    std::int64_t bytes_per_thread;  // onednn_at + oneDNN's own workspace
    std::int64_t onednn_at;         // in a thread's part, after a unit of C or 32 columns of W
    std::int64_t bytes;
  };
  /// @throws DeviceError or ResourceExhausted, as all below.
  static Layout layout(const OnednnPlugin& onednn, const Program& program, int workers);

  Bf16Products(const OnednnPlugin& onednn, const Program& program, int workers,
               std::byte* workspace);

  OnednnProduct* product(const Bf16Size& size, std::int64_t block) const;
  std::uint16_t* a() const { return reinterpret_cast<std::uint16_t*>(workspace_); }
  std::uint16_t* b() const { return reinterpret_cast<std::uint16_t*>(workspace_ + layout_.b); }
  /// 256 x 32 floats; or (k x 32) while factors are rounded.
  float* unit(int worker) const;
  /// All that tasks share: what one product writes, the one before it must have read.
  const std::byte* begin() const { return workspace_; }
  const std::byte* end() const { return workspace_ + layout_.bytes; }

  /// C of a unit into unit(worker): NaN where oneDNN fails, so that no weight changes.
  void run(OnednnProduct* product, int worker, const std::uint16_t* a, const std::uint16_t* b,
           std::int64_t rows) noexcept;
  /// @throws DeviceError or ResourceExhausted when a unit failed since the last call.
  void throw_failure();

  /// "oneDNN 2.6.3"
  std::string version() const;
  /// "brg:avx512_core_bf16"
  std::string implementation(const Program& program, const Op& op) const;

 private:
  struct Destroy {
    void (*destroy)(OnednnProduct* product);
    void operator()(OnednnProduct* product) const { destroy(product); }
  };
  using Key = std::pair<std::int64_t, std::int64_t>;  // rows of a unit, depth

  const OnednnPlugin& onednn_;
  Layout layout_;
  std::byte* workspace_;
  std::map<Key, std::unique_ptr<OnednnProduct, Destroy>> products_;
  std::atomic<bool> failed_{false};  // who sets it writes the answer
  OnednnAnswer answer_;
};

/// What an answer of oneDNN means at work. @throws DeviceError or ResourceExhausted.
[[noreturn]] void throw_onednn(const OnednnAnswer& answer, const std::string& purpose);

}  // namespace minnow::cpu
