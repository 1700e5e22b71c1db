#pragma once

/// The boundary between the core and a device: compile a Program, run it. Nothing else crosses.
/// Implement these classes to add a device; use `minnow::open()` to get one. A backend that
/// computes on the host with plain loops implements the seven pure functions of Backend and
/// Executable and takes the rest as it is (host_backend.h); tests/simple_backend is such a one.

#include <minnow/error.h>
#include <minnow/export.h>
#include <minnow/memory_plan.h>
#include <minnow/program.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minnow {

/// What products compute in; sums and weights are float32 always. fp32 is strict. tf32 rounds the
/// factors to 11 significant bits, bf16 to 8; a GPU stores activations so, too.
enum class Precision : std::uint8_t { fp32, tf32, bf16 };
MINNOW_API std::string_view name_of(Precision precision) noexcept;

struct DeviceInfo {
  std::string name;         // "cpu", "cuda:0"
  std::string description;  // "x86-64-v4, 2 threads"
  Precision precision = Precision::fp32;
  /// Its memory is not the host's, and is lost when it fails.
  bool separate_memory = false;
};

/// Bytes on a device; -1: not known.
struct MemoryState {
  std::int64_t total = -1;
  std::int64_t free = -1;  // what this process may still take: no more than a limit leaves
  bool limited = false;    // the limit that open() was given decides
  std::string evidence;    // where `free` comes from: "cgroup limit 24.0 GiB, of it 2.3 GiB used"
  /// Taken now by all that lives on this opened device, by class: no plan, but what was reserved.
  MemoryPlan held = {};
  /// `held` at the moment since the opening when its total was largest.
  MemoryPlan peak = {};
};

/// Parameters, gradients and optimizer state of one model on a device: flat arenas, one aligned
/// slice per parameter. The layout inside a slice belongs to the backend; read and write take
/// dense row-major values in the parameter's own shape.
class MINNOW_API Arena {
 public:
  enum class Part : std::uint8_t { parameters, gradients, state0, state1 };
  virtual ~Arena();
  virtual void write(Part part, int slot, std::span<const float> values) = 0;
  virtual void read(Part part, int slot, std::span<float> values) const = 0;
  /// The optimizer's step count (updates done so far) and learning rate live on the device.
  virtual void set_steps(std::int64_t steps) = 0;
  virtual std::int64_t steps() const = 0;
  virtual void set_learning_rate(float rate) = 0;
};

/// Rows of data as a device sees them.
class MINNOW_API DeviceData {
 public:
  virtual ~DeviceData();
  /// New content of the same size and type. The host memory must stay until the next wait().
  virtual void assign(const void* host) = 0;
};

/// What a run reads. Batches are consecutive positions; `shuffle` permutes them.
struct Feed {
  const DeviceData* x = nullptr;
  const DeviceData* target = nullptr;
  std::int64_t rows = 0;      // rows that positions may reach
  std::int64_t position = 0;  // of the first row of the next batch
  bool shuffle = false;
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
};

struct StepResult {
  float loss = 0;            // mean over the batch
  std::int32_t correct = 0;  // rows whose arg max is the label; 0 for a regression
};

class MINNOW_API Executable {
 public:
  virtual ~Executable();
  virtual void bind(const Feed& feed) = 0;
  /// Values of kind `input`, dense row-major.
  virtual void write(ValueId value, std::span<const float> values) = 0;
  /// Starts `steps` steps; the position moves on by a batch each. Does not allocate.
  virtual void run(std::int64_t steps) = 0;
  /// Ends what run() started; one result per step since the last wait(). The span is valid until
  /// the next run(). @throws NumericError at the first step whose loss or gradient is not finite:
  /// that step and those after it changed no weight.
  virtual std::span<const StepResult> wait() = 0;
  /// A kept value, dense row-major.
  virtual void read(ValueId value, std::span<float> values) const = 0;
  /// What each op became and why nothing better.
  virtual std::string explain() const { return "each operation as it is recorded"; }
  /// run() takes at most this many steps between two waits.
  virtual std::int64_t max_steps() const { return 1; }
  /// How long the device worked between the last two waits; 0 when it cannot tell.
  virtual double device_seconds() const { return 0; }
};

/// How a backend reports a step that is not finite. `tensor` is the first such value, `step` counts
/// from 1, `last_loss` is that of the step before. @throws NumericError.
[[noreturn]] MINNOW_API void throw_not_finite(const std::string& tensor, std::int64_t step,
                                              float last_loss, float learning_rate);

class MINNOW_API Backend {
 public:
  virtual ~Backend();
  virtual const DeviceInfo& info() const = 0;
  /// As it is now; allocates nothing and never throws. Not known: nothing is refused beforehand.
  virtual MemoryState memory() const { return {}; }
  /// memory().peak alone, without a look at the machine.
  virtual MemoryPlan peak_memory() const { return memory().peak; }
  /// Why the device cannot be used any more in this process; nothing while it can.
  virtual std::optional<Failure> health() const { return std::nullopt; }
  /// Memory that a program will take, to the byte; allocates nothing. What programs of a device
  /// share (a GPU's workspace for products) is in the plan of each. By default each value has dense
  /// memory of its own.
  virtual MemoryPlan plan(const Program& program) const;
  /// Bytes of that workspace which all programs of the device share.
  virtual std::int64_t shared_workspace(const Program&) const { return 0; }
  /// Why an op cannot run here; empty when it can.
  virtual std::string unsupported(const Program&, const Op&) const { return ""; }
  /// By default a HostArena.
  virtual std::unique_ptr<Arena> create_arena(const std::vector<ParameterSpec>& parameters,
                                              int state_arenas);
  /// Bytes that upload() takes on the device; 0 where data is read in place.
  virtual std::int64_t upload_bytes(DType, std::int64_t, std::int64_t) const { return 0; }
  /// `host` must outlive the result: a CPU reads it in place. By default a HostData.
  virtual std::unique_ptr<DeviceData> upload(const void* host, DType dtype, std::int64_t rows,
                                             std::int64_t cols);
  /// @throws InvalidArgument naming op and layer when an op is unsupported; ResourceExhausted.
  virtual std::unique_ptr<Executable> compile(const Program& program, Arena& arena) = 0;
};

/// Why a better device was not taken.
struct Skipped {
  Failure failure;
  bool notable = true;  // false: this machine shows no sign of such a device
};

/// A handle to an opened device; copies share it.
class Device {
 public:
  explicit Device(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {
    requested_ = backend_->info().name;
  }

  const DeviceInfo& info() const { return backend_->info(); }
  Backend& backend() const { return *backend_; }
  MemoryState memory() const { return backend_->memory(); }
  /// Why the device cannot be used any more in this process; nothing while it can.
  std::optional<Failure> health() const { return backend_->health(); }

  /// The name that open() was given: "auto" where info() says "cpu".
  const std::string& requested() const noexcept { return requested_; }
  /// With "auto": why no better device was taken; nothing when this is the best one.
  const std::optional<Skipped>& skipped() const noexcept { return skipped_; }
  /// Opens the device to go on with when this one fails; empty when this one is required.
  const std::function<Device()>& fallback() const noexcept { return fallback_; }

  Device& with_request(std::string name, std::optional<Skipped> skipped,
                       std::function<Device()> fallback) {
    requested_ = std::move(name);
    skipped_ = std::move(skipped);
    fallback_ = std::move(fallback);
    return *this;
  }

 private:
  std::shared_ptr<Backend> backend_;
  std::string requested_;
  std::optional<Skipped> skipped_;
  std::function<Device()> fallback_;
};

}  // namespace minnow
