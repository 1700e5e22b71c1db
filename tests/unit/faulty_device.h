#pragma once

// A device that computes on the CPU, behaves like one with a memory of its own, and fails when a
// test says so.

#include <minnow/minnow.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace minnow::testing {

enum class Fault : std::uint8_t { out_of_memory, lost, refused };

/// Which calls fail, and how. Calls are counted by name: "arena", "upload", "compile", "run",
/// "wait", "read", "write".
class Faults {
 public:
  /// The `nth` call from now on (from 1), once; or it and all after it.
  void fail(const std::string& call, int nth, Fault fault, bool for_good = false) {
    rules_.push_back({call, counts_[call] + nth, fault, for_good});
  }
  void heal() { rules_.clear(); }
  int count(const std::string& call) { return counts_[call]; }

  void enter(const std::string& call) {
    const int count = ++counts_[call];
    if (lost_) raise(call, Fault::lost);
    for (const Rule& rule : rules_) {
      if (rule.call != call || (rule.for_good ? count < rule.nth : count != rule.nth)) continue;
      raise(call, rule.fault);
    }
  }
  bool lost() const noexcept { return lost_; }

  std::int64_t free_bytes = -1;  // what memory() says
  std::string unsupported;       // why it cannot run an activation

 private:
  struct Rule {
    std::string call;
    int nth;
    Fault fault;
    bool for_good;
  };

  [[noreturn]] void raise(const std::string& call, Fault fault) {
    const std::string evidence = call + " -> injected";
    if (fault == Fault::out_of_memory) {
      throw ResourceExhausted({.code = "MN-M02",
                               .what = "not enough memory on faulty:0 for " + call + ".",
                               .evidence = evidence,
                               .remedy = "a smaller batch or model, or the CPU"},
                              1 << 20, 0);
    }
    lost_ = lost_ || fault == Fault::lost;
    throw DeviceError({.code = fault == Fault::lost ? Code("MN-K01") : Code("MN-K04"),
                       .what = "faulty:0 failed.",
                       .evidence = evidence,
                       .remedy = "restart the program to use the GPU again"},
                      call, "injected", fault == Fault::lost);
  }

  std::vector<Rule> rules_;
  std::map<std::string, int> counts_;
  bool lost_ = false;
};

class FaultyArena final : public Arena {
 public:
  FaultyArena(std::unique_ptr<Arena> real, Faults& faults)
      : real_(std::move(real)), faults_(faults) {}
  void write(Part part, int slot, std::span<const float> values) override {
    faults_.enter("write");
    real_->write(part, slot, values);
  }
  void read(Part part, int slot, std::span<float> values) const override {
    faults_.enter("read");
    real_->read(part, slot, values);
  }
  void set_steps(std::int64_t steps) override { real_->set_steps(steps); }
  std::int64_t steps() const override { return real_->steps(); }
  void set_learning_rate(float rate) override { real_->set_learning_rate(rate); }
  Arena& real() { return *real_; }

 private:
  std::unique_ptr<Arena> real_;
  Faults& faults_;
};

class FaultyExecutable final : public Executable {
 public:
  FaultyExecutable(std::unique_ptr<Executable> real, Faults& faults)
      : real_(std::move(real)), faults_(faults) {}
  void bind(const Feed& feed) override { real_->bind(feed); }
  void write(ValueId value, std::span<const float> values) override { real_->write(value, values); }
  void run(std::int64_t steps) override {
    faults_.enter("run");
    real_->run(steps);
  }
  std::span<const StepResult> wait() override {
    const auto results = real_->wait();  // the device did them, and nobody hears of it
    faults_.enter("wait");
    return results;
  }
  void read(ValueId value, std::span<float> values) const override { real_->read(value, values); }
  std::string explain() const override { return real_->explain(); }
  std::int64_t max_steps() const override { return real_->max_steps(); }
  double device_seconds() const override { return real_->device_seconds(); }

 private:
  std::unique_ptr<Executable> real_;
  Faults& faults_;
};

class FaultyBackend final : public Backend {
 public:
  explicit FaultyBackend(Faults& faults) : real_(open("cpu")), faults_(faults) {
    info_ = real_.info();
    info_.name = "faulty:0";
    info_.separate_memory = true;
  }
  const DeviceInfo& info() const override { return info_; }
  MemoryState memory() const override {
    MemoryState state = real_.memory();
    state.total = faults_.free_bytes;
    state.free = faults_.free_bytes;
    state.evidence = "the test says so";
    return state;
  }
  MemoryPlan peak_memory() const override { return real_.backend().peak_memory(); }
  std::optional<Failure> health() const override {
    if (!faults_.lost()) return std::nullopt;
    return Failure{.code = "MN-K01",
                   .what = "faulty:0 stopped working for this process.",
                   .evidence = "injected"};
  }
  MemoryPlan plan(const Program& program) const override { return real_.backend().plan(program); }
  std::int64_t shared_workspace(const Program& program) const override {
    return real_.backend().shared_workspace(program);
  }
  std::string unsupported(const Program& program, const Op& op) const override {
    if (op.kind == OpKind::activate) return faults_.unsupported;
    return real_.backend().unsupported(program, op);
  }
  std::unique_ptr<Arena> create_arena(const std::vector<ParameterSpec>& parameters,
                                      int state_arenas) override {
    faults_.enter("arena");
    return std::make_unique<FaultyArena>(real_.backend().create_arena(parameters, state_arenas),
                                         faults_);
  }
  std::int64_t upload_bytes(DType dtype, std::int64_t rows, std::int64_t cols) const override {
    return rows * cols * static_cast<std::int64_t>(size_of(dtype));
  }
  std::unique_ptr<DeviceData> upload(const void* host, DType dtype, std::int64_t rows,
                                     std::int64_t cols) override {
    faults_.enter("upload");
    return real_.backend().upload(host, dtype, rows, cols);
  }
  std::unique_ptr<Executable> compile(const Program& program, Arena& arena) override {
    faults_.enter("compile");
    return std::make_unique<FaultyExecutable>(
        real_.backend().compile(program, static_cast<FaultyArena&>(arena).real()), faults_);
  }

 private:
  Device real_;
  Faults& faults_;
  DeviceInfo info_;
};

/// As open("cuda") gives one: required.
inline Device required_device(Faults& faults) {
  return Device(std::make_shared<FaultyBackend>(faults));
}
/// As open("auto") gives one: the CPU takes over.
inline Device replaceable_device(Faults& faults) {
  return required_device(faults).with_request("auto", std::nullopt, [] { return open("cpu"); });
}

}  // namespace minnow::testing
