#pragma once

/// A stack of layers and its weights. Weights have PyTorch's names and layout: "0.weight" is
/// (outputs, inputs), "0.bias" is (outputs), the number is the layer's place in the stack.
///
///     minnow::Model model(784, {minnow::dense(128), minnow::relu(), minnow::dense(10),
///                               minnow::softmax()}, {.seed = 1});
///     minnow::Tensor kernel = model.weight("0.weight");
///
/// weight() is always current, also while a Trainer has newer values on its device.
/// A Model and its trainers are used from one thread at a time.

#include <minnow/export.h>
#include <minnow/layer.h>
#include <minnow/tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace minnow {

class ParameterStore;

struct ModelOptions {
  std::uint64_t seed = 0;
  /// Applied to every input row, in training and in prediction, and saved with the model.
  InputTransform input = {};
};

class MINNOW_API Model {
 public:
  /// @throws InvalidArgument for no layers or sizes below 1; ShapeError for given weights.
  Model(std::int64_t inputs, std::vector<LayerPtr> layers, ModelOptions options = {});
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  std::int64_t inputs() const noexcept { return inputs_; }
  std::int64_t outputs() const noexcept { return outputs_; }
  const std::vector<LayerPtr>& layers() const noexcept { return layers_; }
  const std::vector<std::string>& layer_names() const noexcept { return layer_names_; }
  const ModelOptions& options() const noexcept { return options_; }
  const std::vector<ParameterSpec>& parameters() const noexcept { return parameters_; }
  std::int64_t parameter_count() const noexcept;

  std::vector<std::string> weight_names() const;
  /// A copy. @throws InvalidArgument for an unknown name.
  Tensor weight(const std::string& name) const;
  /// The same without a copy: read-only, for as long as the model is there. Its values change with
  /// the model's. @throws InvalidArgument for an unknown name.
  Tensor weight_view(const std::string& name) const;
  /// @throws InvalidArgument for an unknown name or a value that is not finite, ShapeError.
  void set_weight(const std::string& name, const Tensor& values);

  /// A table: layer, output, parameters.
  std::string summary() const;

  /// Records the forward pass from x; `recorded` gets what backward needs, by layer.
  ValueId record_forward(Program& program, ValueId x,
                         std::vector<Forward>* recorded = nullptr) const;
  /// Records the backward pass from the gradient of the last output. The first layer computes no
  /// gradient for its input.
  void record_backward(Program& program, const std::vector<Forward>& recorded,
                       ValueId gradient) const;

 private:
  friend class Trainer;

  std::int64_t inputs_ = 0;
  std::int64_t outputs_ = 0;
  std::vector<LayerPtr> layers_;
  std::vector<std::string> layer_names_;  // "dense_1", "relu_1", "dense_2"
  std::vector<std::vector<int>> slots_;   // by layer
  std::vector<ParameterSpec> parameters_;
  ModelOptions options_;
  std::shared_ptr<ParameterStore> store_;
};

}  // namespace minnow
