#include <minnow/model.h>

#include <minnow/base/text.h>
#include <minnow/error.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <utility>

#include "parameter_store.h"

namespace minnow {
namespace {

Shape public_shape(const ParameterSpec& spec) {
  return spec.rank == 1 ? Shape{spec.cols} : Shape{spec.rows, spec.cols};
}

int find_slot(const std::vector<ParameterSpec>& parameters, const std::string& name) {
  std::string known;
  for (std::size_t slot = 0; slot < parameters.size(); ++slot) {
    if (parameters[slot].name == name) return static_cast<int>(slot);
    known += (known.empty() ? "" : ", ") + parameters[slot].name;
  }
  throw InvalidArgument({.code = "MN-U01",
                         .what = cat("the model has no weight named \"", name, "\"."),
                         .evidence = "it has " + known});
}

void require_finite(const Tensor& values, const std::string& name) {
  const auto data = values.data<float>();
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (std::isfinite(data[i])) continue;
    throw InvalidArgument(
        {.code = "MN-N04",
         .what = cat("element ", i, " of weight \"", name, "\" is ", data[i], "."),
         .effect = "the weight is unchanged"});
  }
}

// A name is all that tells two weights apart, here and in a file.
void require_other_name(const std::vector<ParameterSpec>& parameters, const ParameterSpec& spec) {
  for (const ParameterSpec& other : parameters) {
    if (other.name != spec.name) continue;
    throw InvalidArgument({.code = "MN-U01",
                           .what = cat(spec.layer, " has two weights named \"", spec.name, "\"."),
                           .remedy = "give each of a layer's parameters a name of its own"});
  }
}

void require_given_shape(const ParameterSpec& spec) {
  if (spec.init != Init::given) return;
  const Shape expected = public_shape(spec);
  if (spec.given.shape() == expected) return;
  throw ShapeError({.code = "MN-N02",
                    .what = cat(spec.layer, " expects a starting value of shape ", expected.str(),
                                " for \"", spec.name, "\", got ", spec.given.shape().str(), ".")});
}

void require_size(std::int64_t size, std::string_view what) {
  if (size >= 1) return;
  throw InvalidArgument(
      {.code = "MN-U01", .what = cat("a model with ", size, " ", what, " cannot be made.")});
}

void require_transform(const InputTransform& transform, std::int64_t inputs) {
  for (const auto* part : {&transform.offset, &transform.scale}) {
    const auto size = static_cast<std::int64_t>(part->size());
    if (size != 1 && size != inputs) {
      throw ShapeError({.code = "MN-N02",
                        .what = cat("an input transform of ", size, " entries does not fit ",
                                    inputs, " inputs."),
                        .remedy = "give one entry, or one per input"});
    }
  }
}

}  // namespace

Model::Model(std::int64_t inputs, std::vector<LayerPtr> layers, ModelOptions options)
    : inputs_(inputs), layers_(std::move(layers)), options_(std::move(options)) {
  require_size(inputs, "inputs");
  require_size(static_cast<std::int64_t>(layers_.size()), "layers");
  require_transform(options_.input, inputs);
  std::map<std::string, int> count;
  outputs_ = inputs;
  for (std::size_t index = 0; index < layers_.size(); ++index) {
    if (layers_[index] == nullptr) {
      throw InvalidArgument(
          {.code = "MN-U01", .what = cat("layer ", index, " of the model is a null pointer.")});
    }
    const Layer& layer = *layers_[index];
    const std::string type(layer.type());
    layer_names_.push_back(cat(type, "_", ++count[type]));
    slots_.emplace_back();
    for (ParameterSpec spec : layer.parameters(outputs_)) {
      checked_multiply(spec.rows, checked_multiply(spec.cols, 4, spec.name), spec.name);
      spec.name = cat(index, ".", spec.name);
      spec.layer = layer_names_.back();
      require_given_shape(spec);
      require_other_name(parameters_, spec);
      slots_.back().push_back(static_cast<int>(parameters_.size()));
      parameters_.push_back(std::move(spec));
    }
    outputs_ = layer.outputs(outputs_);
    require_size(outputs_, "outputs");
  }
  store_ = std::make_shared<ParameterStore>(parameters_, options_.seed);
}

Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

std::int64_t Model::parameter_count() const noexcept {
  std::int64_t count = 0;
  for (const ParameterSpec& spec : parameters_) count += spec.rows * spec.cols;
  return count;
}

std::vector<std::string> Model::weight_names() const {
  std::vector<std::string> names;
  for (const ParameterSpec& spec : parameters_) names.push_back(spec.name);
  return names;
}

Tensor Model::weight(const std::string& name) const { return weight_view(name).clone(); }

Tensor Model::weight_view(const std::string& name) const {
  const auto slot = static_cast<std::size_t>(find_slot(parameters_, name));
  return Tensor::view(std::as_const(store_->values()[slot]).data<float>(),
                      public_shape(parameters_[slot]));
}

void Model::set_weight(const std::string& name, const Tensor& values) {
  const int slot = find_slot(parameters_, name);
  const Shape expected = public_shape(parameters_[static_cast<std::size_t>(slot)]);
  if (values.shape() != expected) {
    throw ShapeError({.code = "MN-N02",
                      .what = cat("weight \"", name, "\" has shape ", expected.str(), ", got ",
                                  values.shape().str(), "."),
                      .effect = "the weight is unchanged"});
  }
  const Tensor converted = values.to(DType::f32);
  require_finite(converted, name);
  store_->set(slot, converted);
}

std::string Model::summary() const {
  std::string text = "layer        output      params\n";
  std::int64_t features = inputs_;
  char line[96];
  for (std::size_t index = 0; index < layers_.size(); ++index) {
    features = layers_[index]->outputs(features);
    long long count = 0;
    for (const int slot : slots_[index]) {
      const ParameterSpec& spec = parameters_[static_cast<std::size_t>(slot)];
      count += spec.rows * spec.cols;
    }
    std::snprintf(line, sizeof line, "%-12s %6lld %11lld\n", layer_names_[index].c_str(),
                  static_cast<long long>(features), count);
    text += line;
  }
  return text + cat("inputs ", inputs_, ", parameters ", parameter_count(), "\n");
}

ValueId Model::record_forward(Program& program, ValueId x, std::vector<Forward>* recorded) const {
  ValueId value = x;
  for (std::size_t index = 0; index < layers_.size(); ++index) {
    program.begin_layer(static_cast<int>(index), layer_names_[index]);
    Forward forward{.x = value};
    forward.y = value = layers_[index]->forward(program, slots_[index], value, forward.saved);
    if (recorded != nullptr) recorded->push_back(std::move(forward));
  }
  program.begin_layer(-1, "");
  return value;
}

void Model::record_backward(Program& program, const std::vector<Forward>& recorded,
                            ValueId gradient) const {
  for (std::size_t index = layers_.size(); index-- > 0;) {
    program.begin_layer(static_cast<int>(index), layer_names_[index]);
    gradient =
        layers_[index]->backward(program, slots_[index], recorded[index], gradient, index > 0);
  }
  program.begin_layer(-1, "");
}

}  // namespace minnow
