#include "execution.h"

#include <minnow/error.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "text.h"

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

}  // namespace

Execution::Execution(const Model& model, std::shared_ptr<ParameterStore> store, LossPtr loss,
                     OptimizerPtr optimizer, Device device, bool fuse)
    : model_(model),
      store_(std::move(store)),
      loss_(std::move(loss)),
      optimizer_(std::move(optimizer)),
      device_(std::move(device)),
      fuse_(fuse),
      arena_(backend().create_arena(model.parameters(), optimizer_->rule().state_arenas)) {
  arena_->set_learning_rate(optimizer_->learning_rate());
}

Execution::~Execution() { store_->release(this); }

Program Execution::program(const ProgramKey& key) const {
  Program recorded = record(model_, *loss_, *optimizer_, key);
  return fuse_ ? fuse(recorded) : recorded;
}

Compiled Execution::compile(const ProgramKey& key) {
  const Program recorded = program(key);
  for (const Op& op : recorded.ops()) {
    const std::string reason = backend().unsupported(recorded, op);
    if (reason.empty()) continue;
    const std::string layer =
        op.layer < 0 ? "" : recorded.layer_names()[static_cast<std::size_t>(op.layer)];
    throw InvalidArgument(
        {.code = "MN-U03",
         .what = cat(device_.info().name, " cannot run ", minnow::name_of(op.kind),
                     layer.empty() ? "" : " of ", layer, "."),
         .evidence = reason,
         .remedy = {},
         .effect = "nothing was run"});
  }
  Compiled compiled{backend().compile(recorded, *arena_), recorded.output()};
  const char* trace = std::getenv("MINNOW_TRACE");
  if (trace != nullptr && std::string_view(trace) == "1") {
    const std::string slices = recorded.sliced() ? cat(" in slices of ", key.slice) : "";
    std::fprintf(stderr, "minnow: %s of %lld rows%s on %s\n", name_of(key.mode),
                 static_cast<long long>(key.batch), slices.c_str(), compiled->explain().c_str());
  }
  return compiled;
}

const Compiled& Execution::compiled(const ProgramKey& key) {
  const auto found = std::find_if(programs_.begin(), programs_.end(),
                                  [&](const Entry& entry) { return entry.key == key; });
  if (found != programs_.end()) {
    std::rotate(found, found + 1, programs_.end());
  } else {
    Compiled fresh = compile(key);
    if (programs_.size() == kMaxPrograms) programs_.erase(programs_.begin());
    programs_.push_back({key, std::move(fresh)});
  }
  return programs_.back().compiled;
}

void Execution::upload_weights() {
  if (uploaded_version_ == store_->version()) return;
  const std::vector<Tensor>& values = store_->values();
  for (std::size_t slot = 0; slot < values.size(); ++slot) {
    arena_->write(Arena::Part::parameters, static_cast<int>(slot), values[slot].data<float>());
  }
  uploaded_version_ = store_->version();
}

void Execution::mark_trained() {
  store_->mark_newer_on(this);
  uploaded_version_ = store_->version();
}

void Execution::pull(std::vector<Tensor>& values) {
  for (std::size_t slot = 0; slot < values.size(); ++slot) {
    arena_->read(Arena::Part::parameters, static_cast<int>(slot),
                 values[slot].mutable_data<float>());
  }
}

}  // namespace minnow
