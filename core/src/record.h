#pragma once

#include <minnow/layer.h>
#include <minnow/model.h>

#include <cstdint>

namespace minnow {

enum class Mode : std::uint8_t { train, evaluate, predict };

/// What distinguishes the programs of one trainer.
struct ProgramKey {
  Mode mode = Mode::train;
  std::int64_t batch = 0;
  DType x = DType::f32;
  TargetKind target = TargetKind::none;
  std::int64_t slice = 0;  // rows of a training step that go through at once; 0: all
  friend bool operator==(const ProgramKey&, const ProgramKey&) = default;
};

/// Labels where the loss has classes, else numbers.
TargetKind usual_target(const Loss& loss, const Model& model);

/// gather -> forward [-> loss [-> backward]] for each slice, then one update.
Program record(const Model& model, const Loss& loss, const Optimizer& optimizer,
               const ProgramKey& key);

}  // namespace minnow
