#include "simple_backend.h"

#include <minnow/host_backend.h>
#include <minnow/random.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "reference.h"

namespace minnow::testing {
namespace {

bool is_finite(double value) { return std::isfinite(static_cast<float>(value)); }

class SimpleExecutable final : public Executable {
 public:
  SimpleExecutable(Program program, HostArena& arena)
      : program_(std::move(program)), arena_(arena), values_(program_.values().size()) {}

  void bind(const Feed& feed) override { feed_ = feed; }

  void write(ValueId value, std::span<const float> values) override {
    at(value).assign(values.begin(), values.end());
  }

  void run(std::int64_t steps) override {
    if (std::exchange(waited_, false)) results_.clear();
    for (std::int64_t i = 0; i < steps && failure_.empty(); ++i) step();
  }

  std::span<const StepResult> wait() override {
    waited_ = true;
    if (!failure_.empty()) {
      throw_not_finite(std::exchange(failure_, {}), arena_.steps() + 1, arena_.last_loss(),
                       arena_.learning_rate());
    }
    return results_;
  }

  void read(ValueId value, std::span<float> values) const override {
    const Numbers& numbers = values_[static_cast<std::size_t>(value)];
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(numbers[i]);
  }

  std::string explain() const override {
    return "simple: plain loops\n" + program_.list([](std::size_t) { return ""; });
  }

 private:
  Numbers& at(ValueId id) { return values_[static_cast<std::size_t>(id)]; }

  void step() {
    for_each(ValueKind::parameter, [&](Numbers& numbers, int slot) {
      const auto now = arena_.slice(Arena::Part::parameters, slot);
      numbers.assign(now.begin(), now.end());
    });
    for (const Op& op : program_.ops()) {
      if (op.kind == OpKind::gather) gather(op);
    }
    ReferenceResult made = interpret(program_, std::move(values_));
    values_ = std::move(made.values);
    for_each(ValueKind::gradient, [&](const Numbers& numbers, int slot) {
      store(numbers, arena_.slice(Arena::Part::gradients, slot));
    });
    if (program_.updates()) {
      failure_ = first_not_finite(made.loss);
      if (failure_.empty()) failure_ = update();
      if (!failure_.empty()) return;
      arena_.set_last_loss(static_cast<float>(made.loss));
    }
    results_.push_back({.loss = static_cast<float>(made.loss),
                        .correct = static_cast<std::int32_t>(made.correct)});
    feed_.position += program_.batch();
  }

  // Rows of the bound data: x' = (x - offset) * scale, and the targets as they are.
  void gather(const Op& op) {
    const Permutation shuffled(static_cast<std::uint64_t>(feed_.rows), feed_.seed, feed_.epoch);
    const InputTransform& transform = program_.input_transform();
    for (std::size_t i = 0; i < op.outputs.size(); ++i) {
      const auto& data = static_cast<const HostData&>(i == 0 ? *feed_.x : *feed_.target);
      const Value& value = program_.value(op.outputs[i]);
      Numbers& numbers = at(op.outputs[i]);
      numbers.clear();
      for (std::int64_t row = 0; row < value.rows; ++row) {
        const std::int64_t position = feed_.position + op.row + row;
        const auto picked =
            feed_.shuffle
                ? static_cast<std::int64_t>(shuffled(static_cast<std::uint64_t>(position)))
                : position;
        for (std::int64_t col = 0; col < value.cols; ++col) {
          const double number = element(data, picked * value.cols + col);
          const auto feature = static_cast<std::size_t>(col);
          const double offset = transform.offset[feature % transform.offset.size()];
          const double scale = transform.scale[feature % transform.scale.size()];
          numbers.push_back(i == 0 ? (number - offset) * scale : number);
        }
      }
    }
  }

  static double element(const HostData& data, std::int64_t at) {
    switch (data.dtype()) {
      case DType::u8:
        return static_cast<const std::uint8_t*>(data.data())[at];
      case DType::i32:
        return static_cast<const std::int32_t*>(data.data())[at];
      default:
        return static_cast<const float*>(data.data())[at];
    }
  }

  // What the first op made that float32 cannot hold; empty when there is no such thing.
  std::string first_not_finite(double loss) {
    for (const Op& op : program_.ops()) {
      for (const ValueId id : op.outputs) {
        const bool whole_loss = id == program_.loss() && program_.ends_batch(op);
        for (const double number : whole_loss ? Numbers{loss} : at(id)) {
          if (is_finite(number)) continue;
          const char* what = std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
          return program_.describe(op, id) + " (" + what + ")";
        }
      }
    }
    return "";
  }

  // All parameters, or none: then it says of which one a number would not be finite.
  std::string update() {
    struct Updated {
      std::span<float> slice;
      Numbers numbers;
    };
    std::vector<Updated> updated;
    std::string failure;
    for_each(ValueKind::gradient, [&](const Numbers& gradient, int slot) {
      std::vector<std::span<float>> slices{arena_.slice(Arena::Part::parameters, slot)};
      for (int i = 0; i < states_of(program_.rule()); ++i) {
        slices.push_back(arena_.slice(state_part(i), slot));
      }
      Numbers p(slices[0].begin(), slices[0].end());
      std::vector<Numbers> states;
      for (std::size_t i = 1; i < slices.size(); ++i) {
        states.emplace_back(slices[i].begin(), slices[i].end());
      }
      const ParameterSpec& spec = program_.parameters()[static_cast<std::size_t>(slot)];
      reference_update(program_.rule(), arena_.learning_rate(), arena_.steps() + 1, spec.rank,
                       gradient, p, states);
      states.insert(states.begin(), std::move(p));
      for (std::size_t i = 0; i < slices.size(); ++i) {
        const bool finite = std::all_of(states[i].begin(), states[i].end(), is_finite);
        if (!finite && failure.empty()) failure = "update of " + spec.name;
        updated.push_back({slices[i], std::move(states[i])});
      }
    });
    if (!failure.empty()) return failure;
    for (const Updated& part : updated) store(part.numbers, part.slice);
    arena_.set_steps(arena_.steps() + 1);
    return "";
  }

  static Arena::Part state_part(int state) {
    return state == 0 ? Arena::Part::state0 : Arena::Part::state1;
  }

  /// Calls f(numbers, slot) for each value of a kind.
  template <class Function>
  void for_each(ValueKind kind, Function f) {
    for (std::size_t id = 0; id < values_.size(); ++id) {
      const Value& value = program_.values()[id];
      if (value.kind == kind) f(values_[id], value.slot);
    }
  }

  static void store(const Numbers& numbers, std::span<float> into) {
    for (std::size_t i = 0; i < numbers.size(); ++i) into[i] = static_cast<float>(numbers[i]);
  }

  Program program_;
  HostArena& arena_;
  std::vector<Numbers> values_;  // by ValueId
  Feed feed_;
  std::vector<StepResult> results_;
  bool waited_ = true;
  std::string failure_;  // of the step that was not finite
};

}  // namespace

std::unique_ptr<Executable> SimpleBackend::compile(const Program& program, Arena& arena) {
  return std::make_unique<SimpleExecutable>(program, static_cast<HostArena&>(arena));
}

}  // namespace minnow::testing
