#include "device_model.h"

#include <minnow/base/environment.h>
#include <minnow/base/text.h>
#include <minnow/error.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace minnow {
namespace {

const char* name_of(Mode mode) {
  switch (mode) {
    case Mode::train:
      return "training step";
    case Mode::evaluate:
      return "evaluation";
    case Mode::predict:
      return "prediction";
  }
  return "";
}

Arena::Part state_part(int state) { return state == 0 ? Arena::Part::state0 : Arena::Part::state1; }

}  // namespace

DeviceModel::DeviceModel(const Model& model, std::shared_ptr<ParameterStore> store, LossPtr loss,
                         OptimizerPtr optimizer, const Device& device, float learning_rate,
                         bool fuse)
    : model_(model),
      store_(std::move(store)),
      loss_(std::move(loss)),
      optimizer_(std::move(optimizer)),
      device_(device),
      learning_rate_(learning_rate),
      fuse_(fuse) {}

DeviceModel::~DeviceModel() { store_->release(this); }

Arena& DeviceModel::arena() {
  if (arena_ == nullptr) {
    auto fresh = backend().create_arena(model_.parameters(), states_of(optimizer_->rule()));
    fresh->set_learning_rate(learning_rate_);
    arena_ = std::move(fresh);
  }
  return *arena_;
}

std::int64_t DeviceModel::held_bytes() const {
  if (arena_ == nullptr) return 0;
  const TargetKind target = usual_target(*loss_, model_);
  const MemoryPlan plan = backend().plan(program({Mode::train, 1, DType::f32, target}));
  return plan.parameters + plan.gradients + plan.optimizer;
}

void DeviceModel::set_learning_rate(float rate) {
  if (arena_ != nullptr) arena_->set_learning_rate(rate);
  learning_rate_ = rate;
}

void DeviceModel::save(Snapshot& snapshot) {
  copy_values(store_->values(), snapshot.parameters);
  snapshot.steps = steps();
  snapshot.learning_rate = learning_rate_;
  const int states = snapshot.steps == 0 ? 0 : states_of(optimizer_->rule());
  for (int state = 0; state < 2; ++state) {
    std::vector<Tensor>& tensors = snapshot.states[state];
    if (state >= states) {
      tensors.clear();
      continue;
    }
    if (tensors.empty()) copy_values(snapshot.parameters, tensors);
    for (std::size_t slot = 0; slot < tensors.size(); ++slot) {
      arena_->read(state_part(state), static_cast<int>(slot), tensors[slot].mutable_data<float>());
    }
  }
}

void DeviceModel::restore(const Snapshot& snapshot) {
  store_->replace(snapshot.parameters);
  set_learning_rate(snapshot.learning_rate);
  Arena& into = arena();
  for (int state = 0; state < states_of(optimizer_->rule()); ++state) {
    for (std::size_t slot = 0; slot < snapshot.parameters.size(); ++slot) {
      const std::vector<Tensor>& tensors = snapshot.states[state];
      const Tensor zeros = tensors.empty() ? Tensor(snapshot.parameters[slot].shape()) : Tensor();
      into.write(state_part(state), static_cast<int>(slot),
                 (tensors.empty() ? zeros : tensors[slot]).data<float>());
    }
  }
  into.set_steps(snapshot.steps);
}

Program DeviceModel::program(const ProgramKey& key) const {
  Program recorded = record(model_, *loss_, *optimizer_, key);
  return fuse_ ? fuse(recorded) : recorded;
}

CompiledProgram DeviceModel::compile(const ProgramKey& key) {
  const Program recorded = program(key);
  for (const Op& op : recorded.ops()) {
    const std::string reason = backend().unsupported(recorded, op);
    if (reason.empty()) continue;
    const std::string layer =
        op.layer < 0 ? "" : recorded.layer_names()[static_cast<std::size_t>(op.layer)];
    throw InvalidArgument({.code = "MN-U03",
                           .what = cat(device_.info().name, " cannot run ", text_of(op),
                                       layer.empty() ? "" : " of ", layer, "."),
                           .evidence = reason,
                           .effect = "nothing was run"});
  }
  upload_weights();  // a backend that times products does it with these
  CompiledProgram compiled{backend().compile(recorded, arena()), recorded.output()};
  if (setting("MINNOW_TRACE") == "1") {
    const std::string slices = recorded.sliced() ? cat(" in slices of ", key.slice) : "";
    std::fprintf(stderr, "minnow: %s of %lld rows%s on %s\n", name_of(key.mode),
                 static_cast<long long>(key.batch), slices.c_str(), compiled->explain().c_str());
  }
  return compiled;
}

const CompiledProgram& DeviceModel::executable_for(const ProgramKey& key) {
  const auto found = std::find_if(programs_.begin(), programs_.end(),
                                  [&](const Entry& entry) { return entry.key == key; });
  if (found != programs_.end()) {
    std::rotate(found, found + 1, programs_.end());
  } else {
    CompiledProgram fresh = compile(key);
    if (programs_.size() == kMaxPrograms) programs_.erase(programs_.begin());
    programs_.push_back({key, std::move(fresh)});
  }
  return programs_.back().compiled;
}

void DeviceModel::upload_weights() {
  if (uploaded_version_ == store_->version()) return;
  const std::vector<Tensor>& values = store_->values();
  for (std::size_t slot = 0; slot < values.size(); ++slot) {
    arena().write(Arena::Part::parameters, static_cast<int>(slot), values[slot].data<float>());
  }
  uploaded_version_ = store_->version();
}

void DeviceModel::mark_trained() {
  store_->mark_newer_on(this);
  uploaded_version_ = store_->version();
}

void DeviceModel::pull(std::vector<Tensor>& values) {
  for (std::size_t slot = 0; slot < values.size(); ++slot) {
    arena_->read(Arena::Part::parameters, static_cast<int>(slot),
                 values[slot].mutable_data<float>());
  }
}

}  // namespace minnow
