#pragma once

/// What a layer, a loss and an optimizer have to say: they record ops, nothing else.
/// Derive from Layer to add one of your own (layers/src/softmax.cpp is the shortest example).

#include <minnow/export.h>
#include <minnow/program.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minnow {

/// What a layer recorded in the forward pass.
struct Forward {
  ValueId x = kNoValue;
  ValueId y = kNoValue;
  std::vector<ValueId> saved = {};
};

class MINNOW_API Layer {
 public:
  virtual ~Layer();
  virtual std::string_view type() const = 0;  // "dense"
  virtual std::int64_t outputs(std::int64_t inputs) const = 0;
  /// In the order in which forward() and backward() get them.
  virtual std::vector<ParameterSpec> parameters(std::int64_t inputs) const;
  /// What the model file needs to make this layer again.
  virtual std::map<std::string, double> config() const;

  /// x (batch, inputs) -> y (batch, outputs); `slots` are the layer's parameters. What backward()
  /// needs beside x and y goes into `saved`.
  virtual ValueId forward(Program& program, std::span<const int> slots, ValueId x,
                          std::vector<ValueId>& saved) const = 0;
  /// Records the gradients of the layer's parameters and, if asked for, returns that of x.
  virtual ValueId backward(Program& program, std::span<const int> slots, const Forward& forward,
                           ValueId dy, bool input_gradient) const = 0;
};
using LayerPtr = std::shared_ptr<const Layer>;

class MINNOW_API Loss {
 public:
  virtual ~Loss();
  virtual std::string_view name() const = 0;
  /// True when rows are found right or wrong, so that accuracy is counted. Targets are then
  /// probabilities, or labels where there are classes().
  virtual bool classification() const = 0;
  /// How many classes the labels of a model with so many outputs may name; 0: targets are no
  /// labels.
  virtual std::int64_t classes(std::int64_t outputs) const;
  /// Records the loss of `prediction` and returns its gradient (kNoValue without `gradient`).
  virtual ValueId record(Program& program, ValueId prediction, ValueId target,
                         bool gradient) const = 0;
};
using LossPtr = std::shared_ptr<const Loss>;

class MINNOW_API Optimizer {
 public:
  virtual ~Optimizer();
  virtual std::string_view name() const = 0;
  virtual float learning_rate() const = 0;
  virtual UpdateRule rule() const = 0;
  /// "adam lr=0.001 beta=0.9,0.999 eps=1e-07"
  virtual std::string str() const = 0;
};
using OptimizerPtr = std::shared_ptr<const Optimizer>;

}  // namespace minnow
